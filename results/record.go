package results

import (
	"bytes"
	"html"
	"io"
	"maps"
	"slices"
	"strings"
)

// Some tools keep a console as records, one a line:
//
//	{"log":"TAP version 13\r\n","stream":"stdout","time":"..."}             docker's json-file
//	{"MESSAGE":"TAP version 13","_PID":"812","SYSLOG_IDENTIFIER":"vm1"}     journalctl -o json
//	{"Action":"output","Test":"TestVM","Output":"TAP version 13\n"}         go test -json
//	- {"dt": "...", "lvl": "target", "msg": "TAP version 13"}               LAVA
//	[1.25, "o", "TAP vers"]                                                 asciinema
//	time=... level=info msg="TAP version 13"                                logfmt
//
// EachRecord calls f with each line of the console. What stands in no record is
// a line as it is. A line's source, where its record names one, stands before
// it, as in "host/vm1/812: ".
func EachRecord(r io.Reader, f func(line string)) error {
	u := &unwrapping{f: f}
	err := eachPiece(r, maxRecord, u.line)
	u.flush()
	return err
}

// maxRecord bounds a record, in bytes. A longer line is none.
const maxRecord = 128 << 10

// unwrapping takes a console out of records.
type unwrapping struct {
	f       func(string)
	begun   bool
	page    bool              // the log is an HTML page
	pending map[string][]byte // of each source, the beginning of a line
	buffer  []byte            // of its text
}

// A record is what of one matters.
type record struct {
	text   []byte
	ends   bool // the text is whole lines
	source string
	ok     bool
}

// line takes a line of the log.
func (u *unwrapping) line(data []byte, line string) {
	if !u.begun {
		u.begun, u.page = true, isPage(data)
	}
	line = endless(line)
	if r := u.unwrap(bytes.TrimLeft(data[:len(line)], " \t")); r.ok {
		u.take(r)
		return
	}
	for len(line) > maxLine {
		u.f(line[:maxLine])
		line = line[maxLine:]
	}
	u.out("", line)
}

// out gives a line, whose escapes may stand for ends of lines.
func (u *unwrapping) out(source, line string) {
	text := u.unescaped(line)
	if len(text) == len(line) {
		u.f(source + text)
		return
	}
	for part := range strings.SplitSeq(text, "\n") {
		u.f(source + part)
	}
}

// unwrap returns the record that a line is.
func (u *unwrapping) unwrap(line []byte) record {
	if len(line) == 0 {
		return record{}
	}
	switch line[0] {
	case '-':
		if rest := bytes.TrimLeft(line[1:], " "); len(rest) > 0 && rest[0] == '{' {
			return u.object(rest)
		}
	case '{':
		return u.object(line)
	case '[':
		return u.event(line)
	case '"': // journalctl -o json-pretty
		if bytes.HasPrefix(line, []byte(`"MESSAGE"`)) {
			line = bytes.TrimSuffix(bytes.TrimRight(line, " "), []byte(","))
			return u.object(append(append([]byte("{"), line...), '}'))
		}
	}
	if line[len(line)-1] == '"' {
		return u.logfmt(line)
	}
	return record{}
}

// take takes a record's text.
func (u *unwrapping) take(r record) {
	begun := u.pending[r.source]
	rest := r.text
	if len(begun) > 0 {
		begun = append(begun, r.text...)
		rest = begun
	}
	for len(rest) > 0 {
		n := bytes.IndexByte(rest, '\n')
		switch {
		case n >= 0:
			u.emit(r.source, rest[:n])
			n++
		case len(rest) > maxLine:
			n = maxLine
			u.emit(r.source, rest[:n])
		default:
			u.keep(r, begun, rest)
			return
		}
		rest = rest[n:]
	}
	u.keep(r, begun, nil)
	if len(r.text) == 0 && r.ends {
		u.f(r.source)
	}
}

// keep keeps the beginning of a line for what follows, in the room of the one before
// it if that is no more than two lines.
func (u *unwrapping) keep(r record, room, begun []byte) {
	if cap(room) > 2*maxLine {
		room = []byte{}
	}
	switch {
	case r.ends:
		if len(begun) > 0 {
			u.emit(r.source, begun)
		}
		delete(u.pending, r.source)
	case len(begun) > 0:
		if room == nil {
			u.makeRoom()
		}
		u.pending[r.source] = append(room[:0], begun...)
	case room != nil:
		u.pending[r.source] = room[:0]
	}
}

// maxPending bounds how many sources may be within a line.
const maxPending = 256

func (u *unwrapping) emit(source string, line []byte) {
	u.out(source, endless(string(line)))
}

// makeRoom makes room for one more source.
func (u *unwrapping) makeRoom() {
	if u.pending == nil {
		u.pending = map[string][]byte{}
	}
	if len(u.pending) <= maxPending {
		return
	}
	maps.DeleteFunc(u.pending, func(_ string, begun []byte) bool { return len(begun) == 0 })
	if len(u.pending) > maxPending {
		u.flush()
	}
}

// flush ends the lines that have no end.
func (u *unwrapping) flush() {
	for source, line := range u.pending {
		if len(line) > 0 {
			u.emit(source, line)
		}
	}
	clear(u.pending)
}

// The keys of records: of their text, the best first, and of what names their
// source. A text of streams has its line ends with it.
var (
	textKeys   = []string{"MESSAGE", "log", "Output", "msg", "message", "textPayload", "line", "_raw", "text", "body"}
	streamKeys = []string{"log", "Output"}
	sourceKeys = []string{"_HOSTNAME", "host", "hostname", "CONTAINER_NAME", "container_name", "pod_name", "SYSLOG_IDENTIFIER", "_PID", "Package", "Test", "ns"}
)

// object reads a record that is a JSON object, or YAML's way to write one.
func (u *unwrapping) object(line []byte) record {
	var text token
	best := len(textKeys)
	var sources [8]string
	named := 0
	s := scan{b: line}
	whole := s.object(0, func(key, value token) {
		if at := indexOf(textKeys, key.b); at >= 0 && at < best && value.isText() {
			best, text = at, value
		}
		if named < len(sources) && indexOf(sourceKeys, key.b) >= 0 && value.quote != '[' && len(value.b) > 0 {
			sources[named] = string(value.b)
			named++
		}
	})
	if !whole || best == len(textKeys) {
		return record{}
	}
	u.buffer = text.append(u.buffer[:0])
	r := record{text: u.buffer, ends: !slices.Contains(streamKeys, textKeys[best]), ok: true}
	if named > 0 {
		r.source = strings.Join(sources[:named], "/") + ": "
	}
	return r
}

func indexOf(keys []string, key []byte) int {
	for i, k := range keys {
		if k == string(key) {
			return i
		}
	}
	return -1
}

// event reads a record of asciinema: the time, "o" for output, and a piece of it.
func (u *unwrapping) event(line []byte) record {
	n := 1
	for n < len(line) && n < maxEventTime && isEventTime(line[n]) {
		n++
	}
	if n == len(line) || line[n] != ',' {
		return record{} // most lines that begin so are the kernel's
	}
	s := scan{b: line, i: 1}
	at, ok := s.value(0, nil)
	if !ok || at.quote != 0 || len(at.b) == 0 || !isDigit(at.b[0]) || !s.skip(',') {
		return record{}
	}
	code, ok := s.value(0, nil)
	if !ok || code.quote != '"' || len(code.b) != 1 || !s.skip(',') {
		return record{}
	}
	data, ok := s.value(0, nil)
	if !ok || data.quote != '"' || !s.skip(']') || s.i != len(line) {
		return record{}
	}
	if code.b[0] != 'o' {
		return record{ok: true}
	}
	u.buffer = data.append(u.buffer[:0])
	return record{text: u.buffer, ok: true}
}

// maxEventTime is how far in a line the time may go.
const maxEventTime = 64

func isEventTime(c byte) bool {
	return isDigit(c) || isBlank(c) || strings.IndexByte(".eE+-\t", c) >= 0
}

// logfmt reads a record of words with values, of which the last is the text.
func (u *unwrapping) logfmt(line []byte) record {
	for _, key := range []string{` msg="`, ` message="`, ` log="`} {
		at := bytes.Index(line, []byte(key))
		if at < 0 {
			continue
		}
		s := scan{b: line, i: at + len(key) - 1}
		if text, ok := s.value(0, nil); ok && s.i == len(line) {
			u.buffer = text.append(u.buffer[:0])
			return record{text: u.buffer, ends: true, ok: true}
		}
	}
	return record{}
}

// isPage tells whether a log begins as an HTML page does.
func isPage(line []byte) bool {
	begin := strings.ToLower(string(bytes.TrimLeft(line[:min(len(line), 64)], " \t\ufeff")))
	return strings.HasPrefix(begin, "<!doctype html") || strings.HasPrefix(begin, "<html") || strings.HasPrefix(begin, "<pre")
}

// unescaped takes the escapes of HTML out of a line, and in a page its tags. A
// line of a report that holds an escape of its own has quotes around it.
func (u *unwrapping) unescaped(line string) string {
	if u.page {
		line = untagged(line)
	}
	if strings.IndexByte(line, '&') < 0 || strings.IndexByte(line, '"') >= 0 {
		return line
	}
	return html.UnescapeString(line)
}

// untagged takes out the tags of HTML.
func untagged(line string) string {
	if strings.IndexByte(line, '<') < 0 {
		return line
	}
	var out strings.Builder
	for {
		at := strings.IndexByte(line, '<')
		if at < 0 || at+1 == len(line) || !isLetter(line[at+1]) && line[at+1] != '/' && line[at+1] != '!' {
			out.WriteString(line)
			return out.String()
		}
		end := strings.IndexByte(line[at:], '>')
		if end < 0 {
			out.WriteString(line)
			return out.String()
		}
		out.WriteString(line[:at])
		line = line[at+end+1:]
	}
}
