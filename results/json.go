package results

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf16"
)

// SchemaID names the schema of the version that JSON writes.
const SchemaID = "urn:vmspec:report:1"

// Schema is the JSON Schema (2020-12) of what JSON writes.
//
//go:embed schema.json
var Schema []byte

// JSON writes the document for programs, as Schema says. It is ASCII alone: no
// terminal and no CI takes anything in it for a command.
func (d *Document) JSON(w io.Writer) error {
	text, err := json.MarshalIndent(d.sheet(), "", "  ")
	if err != nil {
		return err
	}
	return writeASCII(w, text)
}

// writeASCII writes a JSON text in which nothing is a command to a terminal or a CI.
func writeASCII(w io.Writer, text []byte) error {
	text = bytes.ReplaceAll(ascii(text), []byte("##"), []byte(`#\u0023`))
	_, err := w.Write(append(text, '\n'))
	return err
}

// ascii escapes what of a JSON text is not ASCII; only strings hold that.
func ascii(text []byte) []byte {
	if bytes.IndexFunc(text, notASCII) < 0 {
		return text
	}
	var b bytes.Buffer
	for _, c := range string(text) {
		switch {
		case !notASCII(c):
			b.WriteRune(c)
		case c > 0xffff:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, c)
		}
	}
	return b.Bytes()
}

// notASCII tells whether a character is not of ASCII's that print.
func notASCII(c rune) bool { return c >= 0x7f }
