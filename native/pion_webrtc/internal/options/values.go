package options

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

func boolean(into *bool) reader {
	return func(path string, raw json.RawMessage) error {
		var value *bool
		if err := json.Unmarshal(raw, &value); err != nil || value == nil {
			return invalid(path, "must be true or false")
		}
		*into = *value
		return nil
	}
}

func integer[T int | int64 | uint16 | uint64](into *T, low, high int64) reader {
	return func(path string, raw json.RawMessage) error {
		var value *int64
		if err := json.Unmarshal(raw, &value); err != nil || value == nil || *value < low || *value > high {
			return invalid(path, fmt.Sprintf("must be a whole number from %d to %d", low, high))
		}
		*into = T(*value)
		return nil
	}
}

func text(into *string, maxBytes int) reader {
	return func(path string, raw json.RawMessage) error {
		var value *string
		if err := json.Unmarshal(raw, &value); err != nil || value == nil || len(*value) > maxBytes {
			return invalid(path, fmt.Sprintf("must be a string of at most %d bytes", maxBytes))
		}
		*into = *value
		return nil
	}
}

func oneOf(into *string, allowed ...string) reader {
	return func(path string, raw json.RawMessage) error {
		var value string
		if err := json.Unmarshal(raw, &value); err != nil || !slices.Contains(allowed, value) {
			return invalid(path, "must be one of "+strings.Join(allowed, ", "))
		}
		*into = value
		return nil
	}
}

// nullable accepts null, which leaves the place as it is.
func nullable(read reader) reader {
	return func(path string, raw json.RawMessage) error {
		if string(raw) == "null" {
			return nil
		}
		return read(path, raw)
	}
}

func list(maxItems int, item func(index int) reader) reader {
	return func(path string, raw json.RawMessage) error {
		var values []json.RawMessage
		if err := json.Unmarshal(raw, &values); err != nil || values == nil || len(values) > maxItems {
			return invalid(path, fmt.Sprintf("must be a list of at most %d items", maxItems))
		}
		for i, value := range values {
			if err := item(i)(fmt.Sprintf("%s[%d]", path, i), value); err != nil {
				return err
			}
		}
		return nil
	}
}

func texts(into *[]string, maxItems, maxBytes int) reader {
	return func(path string, raw json.RawMessage) error {
		var found []string
		err := list(maxItems, func(int) reader {
			return func(path string, raw json.RawMessage) error {
				var value string
				if err := text(&value, maxBytes)(path, raw); err != nil {
					return err
				}
				found = append(found, value)
				return nil
			}
		})(path, raw)
		if err == nil {
			*into = found
		}
		return err
	}
}
