#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mitsuke_fuzzing::query_line(bytes));
