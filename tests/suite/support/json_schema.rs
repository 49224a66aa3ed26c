//! A validator for the JSON Schema keywords that the schemas of slproof use. Other keywords fail.

use serde_json::Value;

/// The parts of `value` that do not fit `schema`. `root` has the definitions.
pub fn faults(root: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (keyword, rule) in schema.as_object().unwrap() {
        let mut refuse = |what: &str| found.push(format!("{what} {rule}: {value}"));
        match keyword.as_str() {
            "$schema" | "title" | "description" | "$defs" => {}
            "$ref" => {
                let pointer = rule.as_str().unwrap().trim_start_matches('#');
                found.extend(faults(root, root.pointer(pointer).unwrap(), value));
            }
            "type" => {
                let types = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
                if !types.iter().any(|name| is_of_type(name.as_str().unwrap(), value)) {
                    refuse("type");
                }
            }
            "enum" => {
                if !rule.as_array().unwrap().contains(value) {
                    refuse("enum");
                }
            }
            "minimum" => {
                // All integers are unsigned, with at most 64 bits.
                assert_eq!(*rule, 0);
                if value.as_i64().is_some_and(|number| number < 0) {
                    refuse("minimum");
                }
            }
            "pattern" => {
                if value.as_str().is_some_and(|text| !fits_pattern(rule.as_str().unwrap(), text)) {
                    refuse("pattern");
                }
            }
            "minItems" | "maxItems" => {
                let (len, bound) = (value.as_array().map(Vec::len), rule.as_u64().unwrap());
                let fits = |len| if keyword == "minItems" { len >= bound } else { len <= bound };
                if len.is_some_and(|len| !fits(len as u64)) {
                    refuse(keyword);
                }
            }
            "items" => {
                let items = value.as_array().into_iter().flatten();
                found.extend(items.flat_map(|item| faults(root, rule, item)));
            }
            "properties" => {
                for (name, rule) in rule.as_object().unwrap() {
                    found.extend(value.get(name).iter().flat_map(|v| faults(root, rule, v)));
                }
            }
            "required" => {
                let names = rule.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
                let missing = names.filter(|name| value.is_object() && value.get(name).is_none());
                found.extend(missing.map(|name| format!("no member {name}: {value}")));
            }
            "additionalProperties" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    match (schema.pointer("/properties").and_then(|p| p.get(name)), rule) {
                        (Some(_), _) => {}
                        (None, Value::Bool(false)) => found.push(format!("unknown member {name}")),
                        (None, rule) => found.extend(faults(root, rule, value)),
                    }
                }
            }
            "oneOf" => {
                let faults: Vec<_> =
                    rule.as_array().unwrap().iter().map(|r| faults(root, r, value)).collect();
                if faults.iter().filter(|faults| faults.is_empty()).count() != 1 {
                    found.push(format!("oneOf: {faults:?}"));
                }
            }
            other => panic!("the validator does not know {other}"),
        }
    }
    found
}

fn is_of_type(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => panic!("there is no type {name}"),
    }
}

/// The supported patterns are `0x` with a fixed or any number of hexadecimal digits.
fn fits_pattern(pattern: &str, text: &str) -> bool {
    let count = pattern.strip_prefix("^0x[0-9a-fA-F]").unwrap().strip_suffix('$').unwrap();
    let digits = text.strip_prefix("0x");
    digits.is_some_and(|digits| {
        digits.bytes().all(|b| b.is_ascii_hexdigit())
            && (count == "*" || count == format!("{{{}}}", digits.len()))
    })
}
