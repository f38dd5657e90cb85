//! Where metrics, traces and logs go: OTLP, Prometheus, standard error.
