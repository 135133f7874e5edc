package report

import (
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"
)

// Frames carry data in lines that TAP takes for comments, in pieces:
//
//	# KIND NONCE SEQ/TOTAL CRC BASE64
//
// SEQ counts from 1. CRC is the CRC-32 (IEEE) of "NONCE SEQ/TOTAL BASE64" as
// eight hexadecimal digits. The BASE64 texts of all frames, decoded one by one
// and put together, are the data. No frame is longer than MaxLine.

// The kinds of frames.
const (
	FrameReport  = "v1" // what Report.Frames carries
	FrameCapture = "c1" // a captured guest, a .tar.gz
	// p1 to pf are the stages of a provisional report: Report.Provisional.
)

// kindLength is the length of a kind's name, and markLength that of what begins a
// frame.
const (
	kindLength = len(FrameReport)
	markLength = len("# ") + kindLength + len(" ")
)

// isKind tells whether there are frames of a kind.
func isKind(kind string) bool {
	return kind == FrameReport || kind == FrameCapture || Stage(kind) > 0
}

// A Frame is one such line.
type Frame struct {
	Kind, Nonce string
	Seq, Total  int
	Text        string // BASE64
}

// line writes the frame.
func (f Frame) line() string {
	place := fmt.Sprintf("%s %d/%d", f.Nonce, f.Seq, f.Total)
	return fmt.Sprintf("# %s %s %08x %s", f.Kind, place, checksum(place, f.Text), f.Text)
}

func checksum(place, text string) uint32 {
	var buffer [2 * MaxLine]byte
	return crc32.ChecksumIEEE(append(append(append(buffer[:0], place...), ' '), text...))
}

// CaptureFrames returns a captured guest, a .tar.gz, as frames.
func CaptureFrames(nonce string, capture []byte) []string {
	return frame(FrameCapture, nonce, capture)
}

// minPiece is how many bytes any frame has room for.
const minPiece = 48

// frame cuts data into frames of a kind.
func frame(kind, nonce string, data []byte) []string {
	nonce = orDash(nonce)
	most := len(data) / minPiece // frames, so that their numbers leave room
	head := Frame{Kind: kind, Nonce: nonce, Seq: most, Total: most}.line()
	size := (MaxLine - len(head)) / 4 * 3 // bytes that fit behind it as BASE64
	total := (len(data) + size - 1) / size
	var lines []string
	for piece := range slices.Chunk(data, size) {
		f := Frame{kind, nonce, len(lines) + 1, total, base64.StdEncoding.EncodeToString(piece)}
		lines = append(lines, f.line())
	}
	return lines
}

// Unframe puts together the data that the BASE64 texts of frames carry.
func Unframe(texts []string) ([]byte, error) {
	var data []byte
	for i, text := range texts {
		var err error
		if data, err = base64.StdEncoding.AppendDecode(data, []byte(text)); err != nil {
			return nil, fmt.Errorf("frame %d: %w", i+1, err)
		}
	}
	return data, nil
}

// FindFrame returns where the first frame may begin in a line; -1 for none.
func FindFrame(line string) int {
	for from := 0; ; from++ {
		at := strings.IndexByte(line[from:], '#')
		if at < 0 {
			return -1
		}
		from += at
		if text := line[from:]; len(text) >= markLength && text[1] == ' ' && text[markLength-1] == ' ' && isKind(text[2:2+kindLength]) {
			return from
		}
	}
}

// ParseFrame reads the frame at the beginning of text, and returns its length. It
// has begun if everything before its BASE64 is there, and is whole if its checksum
// fits.
func ParseFrame(text string) (f Frame, length int, begun, whole bool) {
	if FindFrame(text) != 0 {
		return f, 0, false, false
	}
	r := &cursor{rest: text}
	f.Kind = strings.Trim(r.take(markLength), "# ")
	start := r.rest
	f.Nonce = r.run(MaxNonce, isNonceByte)
	r.skip(' ')
	f.Seq = r.number()
	r.skip('/')
	f.Total = r.number()
	place := start[:len(start)-len(r.rest)]
	r.skip(' ')
	crc := r.run(8, isHexDigit)
	r.skip(' ')
	if r.bad || len(crc) != 8 {
		return f, 0, false, false
	}
	f.Text = r.base64()
	length = len(text) - len(r.rest)
	want, err := strconv.ParseUint(crc, 16, 32)
	return f, length, true, err == nil && checksum(place, f.Text) == uint32(want) && f.fits()
}

// GoesOn tells whether what a frame carries may go on with a byte.
func GoesOn(c byte) bool { return base64Bytes[c] }

// The most frames that a report has, and that a captured guest has.
const (
	maxReportFrames  = 999
	maxCaptureFrames = 99_999
)

// fits tells whether a frame of its kind may have its numbers.
func (f Frame) fits() bool {
	most := maxReportFrames
	if f.Kind == FrameCapture {
		most = maxCaptureFrames
	}
	return f.Text != "" && f.Seq >= 1 && f.Seq <= f.Total && f.Total <= most
}

// A cursor reads a line from its begin; once bad it stays so.
type cursor struct {
	rest string
	bad  bool
}

func (c *cursor) take(n int) string {
	n = min(n, len(c.rest))
	text := c.rest[:n]
	c.rest = c.rest[n:]
	return text
}

// run takes one to most bytes, all of a kind.
func (c *cursor) run(most int, is func(byte) bool) string {
	n := 0
	for n < len(c.rest) && n < most && is(c.rest[n]) {
		n++
	}
	c.bad = c.bad || n == 0
	return c.take(n)
}

// base64 takes what may be BASE64, which is most of a frame.
func (c *cursor) base64() string {
	n := 0
	for n < len(c.rest) && n < MaxLine && base64Bytes[c.rest[n]] {
		n++
	}
	return c.take(n)
}

func (c *cursor) skip(want byte) {
	c.bad = c.bad || c.rest == "" || c.rest[0] != want
	c.take(1)
}

// number takes a number of at most five digits.
func (c *cursor) number() int {
	n, _ := strconv.Atoi(c.run(5, isDigit))
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHexDigit(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'f' }

// base64Bytes is a table: most of a report's bytes are looked up in it.
var base64Bytes = func() (table [256]bool) {
	for c := range table {
		b := byte(c)
		table[c] = b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || isDigit(b) || b == '+' || b == '/' || b == '='
	}
	return table
}()
