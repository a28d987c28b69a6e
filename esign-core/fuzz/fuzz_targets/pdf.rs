//! Opens a PDF and reads every object, stream and page of it.
#![no_main]

use esign_core::pdf::{Document, Object};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(document) = Document::open(&data) else {
        return;
    };
    let view = document.current();
    for number in 0..document.size().min(1000) {
        if let Ok(Some(found)) = view.object(number)
            && let Object::Stream(stream) = found.object
        {
            let _ = view.stream_data(&stream, 1 << 20);
        }
    }
    let _ = view.page_count();
    for revision in 0..document.revisions().len() {
        let _ = document.changes(revision);
    }
});
