package suite

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
)

// Frames returns the report once more, for programs: lines that TAP takes for
// comments, by which a damaged report is repaired and any profile's verdict is
// known from one boot.
//
//	# v1 NONCE SEQ/TOTAL CRC BASE64
//
// SEQ counts from 1. CRC is the CRC-32 (IEEE) of "NONCE SEQ/TOTAL BASE64" as
// eight hexadecimal digits. The BASE64 texts of all frames, decoded one by one
// and put together, are a gzip file (RFC 1952) of lines that end in LF:
//
//   - the report, as Lines returns it;
//   - the points that other profiles ask, in the same form with the number 0
//     and without level and clause;
//   - a line "# vmspec: profiles" with the names of all profiles;
//   - for each requirement, in the order of the specification, a line
//     "ID|LEVEL|CLAUSE|LEVEL|CLAUSE…" with a level and a clause for each of these
//     profiles, both empty where it does not ask it, and without a clause for
//     what is only told.
//
// No line is longer than MaxLine.
func (r Report) Frames() []string { return r.frames(r.Lines()) }

func (r Report) frames(lines []string) []string {
	return frame("v1", r.Settings.nonce(), pack(strings.Join(lines, "\n")+"\n"+r.appendix()))
}

// CaptureFrames returns a captured guest, a .tar.gz, in lines such as those of
// Report.Frames with c1 in the place of v1.
func (s Settings) CaptureFrames(capture []byte) []string { return frame("c1", s.nonce(), capture) }

// minPiece is how many bytes any frame has room for.
const minPiece = 48

// frame cuts data into frames of a kind.
func frame(kind, nonce string, data []byte) []string {
	most := len(data) / minPiece // frames, so that their numbers leave room
	head := fmt.Sprintf("# %s %s %d/%d 00000000 ", kind, nonce, most, most)
	size := (MaxLine - len(head)) / 4 * 3 // bytes that fit behind it as base64
	total := (len(data) + size - 1) / size
	var lines []string
	for piece := range slices.Chunk(data, size) {
		place := fmt.Sprintf("%s %d/%d", nonce, len(lines)+1, total)
		text := base64.StdEncoding.EncodeToString(piece)
		crc := crc32.ChecksumIEEE([]byte(place + " " + text))
		lines = append(lines, fmt.Sprintf("# %s %s %08x %s", kind, place, crc, text))
	}
	return lines
}

// pack compresses text.
func pack(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text)) // a Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// appendix is what the frames carry beside the report.
func (r Report) appendix() string {
	var b strings.Builder
	for _, res := range r.Others {
		b.WriteString(strings.Join(res.lines(0, ""), "\n") + "\n")
	}
	b.WriteString("# vmspec: profiles")
	for _, p := range Profiles() {
		b.WriteString(" " + string(p))
	}
	b.WriteString("\n")
	for _, req := range Catalogue() {
		if !r.Settings.wants(req.ID) {
			continue
		}
		b.WriteString(req.ID)
		for _, p := range Profiles() {
			b.WriteString("|")
			if c, asked := req.Clauses.By(p); asked {
				b.WriteString(string(c.Level) + "|" + c.String())
			} else {
				b.WriteString("|")
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}
