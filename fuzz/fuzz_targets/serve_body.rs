#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| slproof_fuzz::run("serve_body", data));
