#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mitsuke_fuzzing::model_json(bytes));
