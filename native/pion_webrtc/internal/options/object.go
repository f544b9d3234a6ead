// Package options reads the JSON that comes over the boundary. Every error names the field and says
// what it must be.
package options

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
)

// maxText bounds any options text, in bytes.
const maxText = 64 << 10

// reader reads one value into its place; path names it in errors.
type reader func(path string, raw json.RawMessage) error

// fields are the keys that an object may have.
type fields map[string]reader

// object reads a whole text; an empty one is an object without keys.
func object(text []byte, known fields) error {
	if len(text) > maxText {
		return abi.Errorf(abi.TooLarge, "the options are %d bytes long; at most %d are read", len(text), maxText)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	return nested(known)("", text)
}

func nested(known fields) reader {
	return func(path string, raw json.RawMessage) error {
		var values map[string]json.RawMessage
		if err := json.Unmarshal(raw, &values); err != nil || values == nil {
			return invalid(path, "must be a JSON object")
		}
		for key, value := range values {
			read, ok := known[key]
			if !ok {
				return invalid(join(path, key), "is not an option here; known: "+names(known))
			}
			if err := read(join(path, key), value); err != nil {
				return err
			}
		}
		return nil
	}
}

func names(known fields) string {
	keys := make([]string, 0, len(known))
	for key := range known {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return strings.Join(keys, ", ")
}

func join(path, key string) string {
	if len(key) > 64 {
		key = key[:64] + "…"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func invalid(path, what string) error {
	if path == "" {
		path = "options"
	}
	return abi.Errorf(abi.InvalidArgument, "%s %s", path, what)
}
