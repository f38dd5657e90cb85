//! Reading frames: four bytes of length, then so many bytes of request.

use std::fmt;
use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Room made for a request before any of it has come; more is made as more comes.
const FIRST_ROOM: usize = 1 << 20;

/// Why no frame could be read.
#[derive(Debug)]
pub(super) enum FrameError {
    /// The length is none that a request can have.
    Length { length: i32, max: usize },
    /// The socket failed or ended within a frame.
    Io(io::Error),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { length, max } => {
                write!(f, "a request of {length} bytes is not possible, the most is {max}")
            }
            Self::Io(e) => write!(f, "{e}"),
        }
    }
}

/// Reads one frame, without its length; nothing at the end of the stream.
pub(super) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    bytes_max: usize,
) -> Result<Option<Bytes>, FrameError> {
    let mut length = [0; 4];
    let mut read = 0;
    while let Some(room) = length.get_mut(read..).filter(|room| !room.is_empty()) {
        match stream.read(room).await.map_err(FrameError::Io)? {
            0 if read == 0 => return Ok(None),
            0 => return Err(FrameError::Io(io::ErrorKind::UnexpectedEof.into())),
            more => read += more,
        }
    }
    let length = i32::from_be_bytes(length);
    let size = match usize::try_from(length) {
        Ok(size) if size <= bytes_max => size,
        _ => return Err(FrameError::Length { length, max: bytes_max }),
    };
    let mut frame = BytesMut::with_capacity(size.min(FIRST_ROOM));
    while frame.len() < size {
        if frame.len() == frame.capacity() {
            // Twice as much, but no more than the frame has: what is stored keeps its allocation.
            let mut larger = BytesMut::with_capacity((2 * frame.len()).min(size));
            larger.extend_from_slice(&frame);
            frame = larger;
        }
        let missing = size - frame.len();
        let more = stream.read_buf(&mut (&mut frame).limit(missing)).await;
        if more.map_err(FrameError::Io)? == 0 {
            return Err(FrameError::Io(io::ErrorKind::UnexpectedEof.into()));
        }
    }
    Ok(Some(frame.freeze()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::block_on;

    fn read_all(bytes: &[u8], bytes_max: usize) -> Vec<Result<Option<Bytes>, String>> {
        block_on(async {
            let mut stream = bytes;
            let mut frames = Vec::new();
            loop {
                let frame = read(&mut stream, bytes_max).await.map_err(|e| e.to_string());
                let is_last = !matches!(frame, Ok(Some(_)));
                frames.push(frame);
                if is_last {
                    return frames;
                }
            }
        })
    }

    #[test]
    fn frames_follow_each_other() {
        let stream = [0, 0, 0, 2, 7, 8, 0, 0, 0, 0, 0, 0, 0, 1, 9];
        let frames = read_all(&stream, 2);
        let expected = [&[7, 8][..], &[], &[9]].map(|it| Ok(Some(Bytes::copy_from_slice(it))));
        assert_eq!(frames[..3], expected);
        assert_eq!(frames[3..], [Ok(None)]);
    }

    #[test]
    fn the_limit_is_the_largest_length() {
        assert_eq!(read_all(&[0, 0, 0, 3, 1, 2, 3], 3).len(), 2);
        let error = "a request of 3 bytes is not possible, the most is 2";
        assert_eq!(read_all(&[0, 0, 0, 3, 1, 2, 3], 2), [Err(error.to_owned())]);
        let error = "a request of -1 bytes is not possible, the most is 2";
        assert_eq!(read_all(&[255, 255, 255, 255], 2), [Err(error.to_owned())]);
    }

    #[test]
    fn an_end_within_a_frame_is_an_error() {
        for cut in [&[0, 0][..], &[0, 0, 0, 2], &[0, 0, 0, 2, 1]] {
            assert!(matches!(read_all(cut, 9).as_slice(), [Err(_)]), "{cut:?}");
        }
    }

    #[test]
    fn a_frame_larger_than_the_first_room_is_read_whole() {
        let body: Vec<u8> = (0..FIRST_ROOM + 10).map(|i| (i % 251) as u8).collect();
        let mut stream = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
        stream.extend(&body);
        let mut frames = read_all(&stream, body.len());
        let frame = frames.remove(0).unwrap().unwrap();
        assert_eq!(frame, body);
        assert_eq!(frame.try_into_mut().unwrap().capacity(), body.len(), "and nothing to spare");
    }
}
