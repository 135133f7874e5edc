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

// noLogs are files that are no logs, by bytes at an offset, with what they are and
// what to do; %s is the file's name.
var noLogs = []struct {
	at             int
	magic, is, how string
}{
	{512, "EFI PART", "a disk image", checkIt},
	{4096, "EFI PART", "a disk image", checkIt},
	{0, "QFI\xfb", "a disk image (qcow2)", checkIt},
	{0, "KDMV", "a disk image (VMDK)", checkIt},
	{0, "vhdxfile", "a disk image (VHDX)", checkIt},
	{0, "conectix", "a disk image (VHD)", checkIt},
	{0, "LUKS\xba\xbe", "an encrypted disk", ""},
	{32769, "CD001", "an optical disc's image", checkIt},
	{1080, "\x53\xef", "a file system (ext4)", ""},
	{0, "hsqs", "a file system (squashfs)", ""},
	{257, "ustar", "a tar archive", "a captured guest is judged by vmspec judge %s; of another archive take the log: tar -xOf %[1]s MEMBER | vmspec report -"},
	{0, "PK\x03\x04", "a zip archive", "unzip -p %s | vmspec report -"},
	{0, "7z\xbc\xaf\x27\x1c", "packed by 7-Zip", "7z x -so %s | vmspec report -"},
	{0, "\x1f\x9d", "packed by compress", "uncompress -c %s | vmspec report -"},
	{0, "\x5d\x00\x00", "packed as LZMA", "xz -dc --format=lzma %s | vmspec report -"},
	{0, "\x02\x21\x4c\x18", "packed by lz4 -l", "lz4 -dc %s | vmspec report -"},
	{0, "\x89LZO", "packed by lzop", "lzop -dc %s | vmspec report -"},
	{0, "\x7fELF", "an ELF file", ""},
	{0, "MZ", "a program for UEFI or Windows, or a kernel", ""},
	{56, "ARM\x64", "a kernel", ""},
	{0, "\xd0\x0d\xfe\xed", "a device tree", ""},
	{0, "070701", "a cpio archive, such as an initramfs", ""},
	{0, "\x89PNG", "a picture", ""},
	{0, "\xff\xd8\xff", "a picture", ""},
	{0, "%PDF-", "a PDF file", ""},
	{0, "SQLite format 3", "a database", ""},
}

const checkIt = "vmspec image check %s judges one"

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

// noLog says what a file is that is no log; nil for any other.
func noLog(head []byte, name string) error {
	for _, k := range noLogs {
		if len(head) < k.at || !bytes.HasPrefix(head[k.at:], []byte(k.magic)) || k.at == 0 && isText(head) {
			continue
		}
		if k.how == "" {
			return noLogError{name, k.is, ""}
		}
		return noLogError{name, k.is, ": " + fmt.Sprintf(k.how, name)}
	}
	if len(head) >= 512 && head[510] == 0x55 && head[511] == 0xaa && !isText(head[:512]) {
		return noLogError{name, "a disk image", ": " + fmt.Sprintf(checkIt, name)}
	}
	return nil
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
