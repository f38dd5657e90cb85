//! The picture of a run: bars of processor time and of memory, beside each other for each case.

use std::error::Error;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::case::{Case, Contestant, name};
use crate::measure::{Metric, Spread};
use crate::report::{self, Run};

const SIZE: (u32, u32) = (1_000, 760);
const TITLE: (&str, u32) = ("sans-serif", 17);
const LABEL: (&str, u32) = ("sans-serif", 13);
/// The part of a case's place that its bars take.
const FILLED: f64 = 0.8;
/// Room above the highest bar.
const HEADROOM: f64 = 1.15;
/// How far below the axis a case's name is, in pixels.
const BELOW_AXIS: i32 = 6;

/// What each contestant is called and painted.
const CONTESTANTS: [(Contestant, &str, RGBColor); 3] = [
    (Contestant::Bare, "bare rdkafka", RGBColor(150, 150, 150)),
    (Contestant::Kappa, "Kappa Streams", RGBColor(204, 85, 0)),
    (Contestant::Jvm, "Kafka Streams", RGBColor(40, 100, 170)),
];

/// Draws the medians as bars with the least and the most as a line over each.
pub(crate) fn draw(run: &Run, path: &Path) {
    match try_draw(run, path) {
        Ok(()) => report::say(&format!("the chart is in {}", path.display())),
        Err(cause) => report::say(&format!("cannot draw {}: {cause}", path.display())),
    }
}

fn try_draw(run: &Run, path: &Path) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let root = root.titled(&run.title(), TITLE)?;
    let panels = [
        (Metric::CpuUsPerRecord, "CPU of the process, microseconds per record"),
        (Metric::PeakMib, "peak memory of the process, MiB"),
    ];
    for (area, (metric, caption)) in root.split_evenly((panels.len(), 1)).iter().zip(panels) {
        let cases = run.spreads(metric);
        if !cases.is_empty() {
            panel(area, caption, &cases)?;
        }
    }
    root.present()?;
    Ok(())
}

fn panel(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    caption: &str,
    cases: &[(Case, Vec<(Contestant, Spread)>)],
) -> Result<(), Box<dyn Error>> {
    let all = cases.iter().flat_map(|(_, spreads)| spreads);
    let highest = all.map(|(_, spread)| spread.max).fold(0.0, f64::max);
    let places = f64::from(u32::try_from(cases.len())?);
    let mut chart = ChartBuilder::on(area)
        .caption(caption, TITLE)
        .margin(8)
        .x_label_area_size(24)
        .y_label_area_size(48)
        .build_cartesian_2d(0.0..places, 0.0..highest * HEADROOM)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .light_line_style(TRANSPARENT)
        .y_label_formatter(&|label| format!("{label:.0}"))
        .label_style(LABEL)
        .draw()?;

    let width = FILLED / f64::from(u32::try_from(CONTESTANTS.len())?);
    for (at, (contestant, label, color)) in (0_u32..).zip(CONTESTANTS) {
        let spreads = (0_u32..).zip(cases).filter_map(|(place, (_, spreads))| {
            let (_, spread) = spreads.iter().find(|(who, _)| *who == contestant)?;
            let left = f64::from(place) + (1.0 - FILLED) / 2.0 + f64::from(at) * width;
            Some((left, *spread))
        });
        let spreads: Vec<(f64, Spread)> = spreads.collect();
        let bars = spreads.iter().map(|(left, spread)| {
            Rectangle::new([(*left, 0.0), (left + width, spread.median)], color.filled())
        });
        let swatch = move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], color.filled());
        chart.draw_series(bars)?.label(label).legend(swatch);
        chart.draw_series(spreads.iter().map(|(left, spread)| {
            let middle = left + width / 2.0;
            PathElement::new([(middle, spread.min), (middle, spread.max)], BLACK)
        }))?;
    }
    for (place, (case, _)) in (0_u32..).zip(cases) {
        let (x, y) = chart.backend_coord(&(f64::from(place) + 0.5, 0.0));
        let style = LABEL.into_text_style(area).pos(Pos::new(HPos::Center, VPos::Top));
        let (left, top) = area.get_base_pixel();
        area.draw_text(&name(case), &style, (x - left, y - top + BELOW_AXIS))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .label_font(LABEL)
        .draw()?;
    Ok(())
}
