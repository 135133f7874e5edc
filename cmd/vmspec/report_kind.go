package main

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/bzip2"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"github.com/pierrec/lz4/v4"

	"vmspec/cmd/vmspec/internal/imagefile"
	"vmspec/cmd/vmspec/internal/osimage"
)

// kindHead is how much of a file shows what it is, in bytes: an ISO 9660 image
// says so behind 32 KiB.
const kindHead = 64 << 10

// unpackers read what logs are packed in, by its first bytes.
var unpackers = []struct {
	magic string
	open  func(in *bufio.Reader) (io.Reader, error)
}{
	{"\x1f\x8b", func(in *bufio.Reader) (io.Reader, error) { return gzip.NewReader(in) }},
	{"\xfd7zXZ\x00", openXZ},
	{"\x28\xb5\x2f\xfd", osimage.OpenZstd},
	{"BZh", func(in *bufio.Reader) (io.Reader, error) { return bzip2.NewReader(in), nil }},
	{"\x04\x22\x4d\x18", func(in *bufio.Reader) (io.Reader, error) { return lz4.NewReader(in), nil }},
}

// openXZ unpacks xz, by its own program where that is installed: the library takes
// several times as long.
func openXZ(in *bufio.Reader) (io.Reader, error) {
	program, err := exec.LookPath("xz")
	if err != nil {
		return osimage.OpenXZ(in)
	}
	p := &piped{cmd: exec.Command(program, "-dc")}
	p.cmd.Stdin, p.cmd.Stderr = in, &p.said
	if p.out, err = p.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	return p, p.cmd.Start()
}

// piped is what a program writes.
type piped struct {
	cmd  *exec.Cmd
	out  io.Reader
	said bytes.Buffer // on standard error
	end  error        // once there is nothing more
}

// Read ends in the program's own words if it failed.
func (p *piped) Read(b []byte) (int, error) {
	if p.end != nil {
		return 0, p.end
	}
	n, err := p.out.Read(b)
	if n > 0 || !errors.Is(err, io.EOF) {
		return n, err
	}
	p.end = io.EOF
	if failed := p.cmd.Wait(); failed != nil {
		p.end = errors.New(cmp.Or(strings.TrimSpace(p.said.String()), failed.Error()))
	}
	return 0, p.end
}

// maxPacked is how often a log may be packed.
const maxPacked = 3

// openContent returns what a log holds, unpacked. The error says what a file is
// that is no log.
func openContent(in io.Reader, name string) (*bufio.Reader, error) {
	content := bufio.NewReaderSize(in, kindHead)
	for range maxPacked {
		begin, _ := content.Peek(8)
		at := -1
		for i, u := range unpackers {
			if strings.HasPrefix(string(begin), u.magic) {
				at = i
			}
		}
		if at < 0 {
			break
		}
		out, err := unpackers[at].open(content)
		if err != nil {
			return nil, fmt.Errorf("%s: unpack: %w", name, err)
		}
		content = bufio.NewReaderSize(out, kindHead)
	}
	head, _ := content.Peek(kindHead) // an error comes again
	return content, noLog(head, name)
}

// A noLogError says what a file is that is no log.
type noLogError struct{ name, what, how string }

func (e noLogError) Error() string { return e.name + " is no log: it is " + e.what + e.how }

// noLog says what a file is that is no log; nil for any other. A text may begin
// like some of them.
func noLog(head []byte, name string) error {
	kind := imagefile.KindOf(head)
	how := ""
	switch {
	case kind.Is == "" || kind.At == 0 && isText(head[:min(len(head), 512)]):
		return nil
	case kind.Disk:
		how = ": vmspec image check " + name + " judges one"
	case kind.Is == "a tar archive":
		how = ": a captured guest is judged by vmspec judge " + name + "; of another archive take the log: tar -xOf " + name + " MEMBER | vmspec report -"
	case kind.Program != "":
		how = ": " + kind.Program + " " + name + " | vmspec report -"
	}
	return noLogError{name, kind.Is, how}
}

// isText tells whether bytes are those of a console: most of them are printable.
// A serial line may bring noise.
func isText(head []byte) bool {
	noise := 0
	for rest := head; len(rest) > 0; {
		c, size := utf8.DecodeRune(rest)
		if c == utf8.RuneError || c < ' ' && !strings.ContainsRune("\t\n\v\f\r\b\a\x1b", c) {
			noise++
		}
		rest = rest[size:]
	}
	return noise*4 < len(head) || len(head) == 0
}

// A console in base64 is a run of it, in one line or in lines of 64 or 76.
var base64Run = regexp.MustCompile(`[A-Za-z0-9+/]{60,}={0,2}`)

// minBase64 is how long a text in base64 is, in bytes, that may be a console.
const minBase64 = 120

// inBase64 says what to do about a text in base64; empty if the head of a log
// holds none.
func inBase64(head []byte, name string) string {
	run := base64Run.Find(head)
	data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(string(run[:len(run)/4*4]), "="))
	begin := strings.TrimSpace(string(head[:min(len(head), 64)]))
	switch {
	case err != nil || len(run) == 0 || len(head) < minBase64 || !isText(data) && !strings.HasPrefix(string(data), "\x1f\x8b"):
		return ""
	case !base64Run.MatchString(strings.SplitN(begin, "\n", 2)[0]):
		return "a text in it is base64, as clouds answer: take that out, and then base64 -d | vmspec report -"
	case name == "-":
		return "it is base64: base64 -d | vmspec report -"
	}
	return fmt.Sprintf("it is base64: base64 -d %s | vmspec report -", name)
}
