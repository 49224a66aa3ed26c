use slproof::proof::RequestLine;

/// A request and its target are the same after they are written and read.
pub(super) fn run(data: &[u8]) {
    for line in data.split(|byte| *byte == b'\n') {
        let RequestLine { request, target } = match RequestLine::parse(line) {
            Ok(line) => line,
            Err(error) => {
                super::explain_coded(error.code(), &error);
                continue;
            }
        };
        let text = serde_json::to_vec(&request).unwrap();
        assert_eq!(RequestLine::parse(&text).unwrap(), RequestLine { request, target: None });
        if let Some(target) = target {
            assert_eq!(target.to_string().parse(), Ok(target));
        }
    }
}
