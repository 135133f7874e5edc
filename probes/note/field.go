package note

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Field is a value in a line. Its name is what the documentation calls it, in
// capitals and with its unit; a word before it, as in "after COUNT", stands in
// the line as it is.
type Field struct {
	name  string
	value value
	rest  bool // it takes the rest of the line
	blank bool // it may be missing
}

// A value is bound to where it is kept, as a [flag.Value] is.
type value interface {
	String() string
	Set(text string) error
	empty() bool
}

// label is the word that stands before the value, with a space behind it.
func (f Field) label() string { return f.name[:strings.LastIndex(f.name, " ")+1] }

// parse reads the value off the front of a line.
func (f Field) parse(text string) (rest string, err error) {
	word, rest := text, text
	if label := strings.TrimSpace(f.label()); label != "" && text != "" {
		if word, rest = cutWord(text); word != label {
			return "", fmt.Errorf("%s: %.80q in place of %q", f.name, word, label)
		}
	}
	if word, rest = rest, ""; !f.rest {
		word, rest = cutWord(word)
	}
	if word == "" && !f.blank {
		return "", fmt.Errorf("no %s", f.name)
	}
	if err := f.value.Set(word); err != nil {
		return "", fmt.Errorf("%s: %.80q %w", f.name, word, err)
	}
	return rest, nil
}

// cutWord cuts the first word off a line.
func cutWord(text string) (word, rest string) {
	text = strings.TrimSpace(text)
	if end := strings.IndexAny(text, " \t"); end >= 0 {
		return text[:end], strings.TrimSpace(text[end:])
	}
	return text, ""
}

// oneLine keeps a text from ending its line.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }

var (
	errNumber = errors.New("is not a number")
	errBase64 = errors.New("is not base64")
	errQuoted = errors.New("is not a quoted text")
)

// number is an unsigned number.
type number[T uint8 | uint32 | uint64 | int] struct {
	at   *T
	base int
	bits int
}

func (n number[T]) String() string {
	if n.base == 0 {
		return fmt.Sprintf("%#x", *n.at)
	}
	return strconv.FormatUint(uint64(*n.at), n.base)
}

func (n number[T]) Set(text string) error {
	v, err := strconv.ParseUint(text, n.base, n.bits)
	if err != nil {
		return errNumber
	}
	*n.at = T(v)
	return nil
}

func (n number[T]) empty() bool { return *n.at == 0 }

// Uint is a decimal number.
func Uint(name string, at *uint64) Field { return Field{name: name, value: number[uint64]{at, 10, 64}} }

// Index is a small decimal number, such as a CPU's.
func Index(name string, at *int) Field { return Field{name: name, value: number[int]{at, 10, 31}} }

// Byte is a decimal number up to 255.
func Byte(name string, at *uint8) Field { return Field{name: name, value: number[uint8]{at, 10, 8}} }

// Hex is a number with the prefix 0x.
func Hex(name string, at *uint64) Field { return Field{name: name, value: number[uint64]{at, 0, 64}} }

// Hex32 is one of 32 bits.
func Hex32(name string, at *uint32) Field { return Field{name: name, value: number[uint32]{at, 0, 32}} }

type signed struct{ at *int64 }

func (s signed) String() string { return strconv.FormatInt(*s.at, 10) }

func (s signed) Set(text string) (err error) {
	if *s.at, err = strconv.ParseInt(text, 10, 64); err != nil {
		return errNumber
	}
	return nil
}

func (s signed) empty() bool { return *s.at == 0 }

// Int is a decimal number that may be negative.
func Int(name string, at *int64) Field { return Field{name: name, value: signed{at}} }

type bit struct{ at *bool }

func (b bit) String() string {
	if *b.at {
		return "1"
	}
	return "0"
}

func (b bit) Set(text string) error {
	if text != "0" && text != "1" {
		return errors.New("is neither 0 nor 1")
	}
	*b.at = text == "1"
	return nil
}

func (b bit) empty() bool { return !*b.at }

// Bit is 0 or 1.
func Bit(name string, at *bool) Field { return Field{name: name, value: bit{at}} }

type text struct{ at *string }

func (t text) String() string { return oneLine(*t.at) }

func (t text) Set(s string) error { *t.at = s; return nil }

func (t text) empty() bool { return *t.at == "" }

// Word is a text without spaces.
func Word(name string, at *string) Field { return Field{name: name, value: text{at}} }

// Words is a text to the end of the line.
func Words(name string, at *string) Field { return Field{name: name, value: text{at}, rest: true} }

type quoted struct{ text }

func (q quoted) String() string { return strconv.Quote(*q.at) }

func (q quoted) Set(s string) (err error) {
	if *q.at, err = strconv.Unquote(s); err != nil {
		return errQuoted
	}
	return nil
}

// Quoted is a text of any bytes to the end of the line, quoted as Go does.
func Quoted(name string, at *string) Field {
	return Field{name: name, value: quoted{text{at}}, rest: true}
}

type encoded struct{ at *[]byte }

func (e encoded) String() string { return base64.StdEncoding.EncodeToString(*e.at) }

func (e encoded) Set(s string) (err error) {
	if *e.at, err = base64.StdEncoding.DecodeString(s); err != nil {
		return errBase64
	}
	return nil
}

func (e encoded) empty() bool { return len(*e.at) == 0 }

// Base64 is bytes to the end of the line; there may be none.
func Base64(name string, at *[]byte) Field {
	return Field{name: name, value: encoded{at}, rest: true, blank: true}
}
