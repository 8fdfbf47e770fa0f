#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| group_import_gateway_fuzz::field_rules(data));
