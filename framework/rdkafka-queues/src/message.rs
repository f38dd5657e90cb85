//! A message that librdkafka still owns.

use std::ffi::{CStr, c_char, c_void};
use std::fmt;
use std::marker::PhantomData;
use std::ptr;

use rdkafka_sys as sys;
use rdkafka_sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;

/// A record, valid while the batch it came in is visited.
pub struct Message<'a> {
    message: &'a sys::rd_kafka_message_t,
}

impl<'a> Message<'a> {
    pub(crate) fn new(message: &'a sys::rd_kafka_message_t) -> Self {
        Self { message }
    }

    /// Returns the record's offset.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.message.offset
    }

    /// Returns the key's bytes; `None` is Kafka's null.
    #[must_use]
    pub fn key(&self) -> Option<&'a [u8]> {
        // SAFETY: key and key_len describe memory that lives as long as the message.
        unsafe { bytes(self.message.key, self.message.key_len) }
    }

    /// Returns the value's bytes; `None` is Kafka's null.
    #[must_use]
    pub fn payload(&self) -> Option<&'a [u8]> {
        // SAFETY: payload and len describe memory that lives as long as the message.
        unsafe { bytes(self.message.payload, self.message.len) }
    }

    /// Returns the timestamp in milliseconds, -1 if there is none.
    #[must_use]
    pub fn timestamp_ms(&self) -> i64 {
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is live, and `kind` is a place for the answer.
        unsafe { sys::rd_kafka_message_timestamp(self.message, &mut kind) }
    }

    /// Returns the headers in order.
    #[must_use]
    pub fn headers(&self) -> HeaderIter<'a> {
        let mut headers = ptr::null_mut();
        // SAFETY: the message is live, and `headers` is a place for the answer.
        let code = unsafe { sys::rd_kafka_message_headers(self.message, &mut headers) };
        let headers = if code == RD_KAFKA_RESP_ERR_NO_ERROR { headers } else { ptr::null_mut() };
        HeaderIter { headers, index: 0, message: PhantomData }
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("offset", &self.offset()).finish_non_exhaustive()
    }
}

/// The headers of a message: names and values, of which the values may be null.
#[derive(Debug)]
pub struct HeaderIter<'a> {
    headers: *mut sys::rd_kafka_headers_t,
    index: usize,
    message: PhantomData<&'a sys::rd_kafka_message_t>,
}

impl<'a> Iterator for HeaderIter<'a> {
    type Item = (&'a CStr, Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.headers.is_null() {
            return None;
        }
        let mut name: *const c_char = ptr::null();
        let mut value: *const c_void = ptr::null();
        let mut size = 0;
        // SAFETY: the headers belong to a live message; the other pointers are places for the answer.
        let code = unsafe {
            sys::rd_kafka_header_get_all(self.headers, self.index, &mut name, &mut value, &mut size)
        };
        if code != RD_KAFKA_RESP_ERR_NO_ERROR {
            return None;
        }
        self.index += 1;
        // SAFETY: on success the name is a C string that lives as long as the message.
        let name = unsafe { CStr::from_ptr(name) };
        // SAFETY: on success value and size describe memory that lives as long as the message.
        let value = unsafe { bytes(value, size) };
        Some((name, value))
    }
}

/// Returns memory of librdkafka's as a slice; a null pointer is Kafka's null.
///
/// # Safety
///
/// Unless it is null, `start` points at `len` bytes that nobody writes for `'a`.
unsafe fn bytes<'a>(start: *const c_void, len: usize) -> Option<&'a [u8]> {
    // SAFETY: as the caller promises, and the pointer is not null.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start.cast(), len) })
}
