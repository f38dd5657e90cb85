//! A small embedded schema registry for development and tests.
