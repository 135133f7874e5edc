package osimage

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
)

// An archive keeps a part of an initial ramdisk.
type archive struct {
	kept    map[string]string // files, by name
	modules map[string]bool   // names of modules' files
	trees   map[string]bool   // releases that have files below lib/modules
	names   int               // bytes of the modules' names
	left    int64             // bytes that may still be unpacked
}

// From the format of cpio archives called "newc": Linux's
// Documentation/driver-api/early-userspace/buffer-format.rst.
const (
	cpioHeader = 110
	maxName    = 4096 // PATH_MAX
	cpioEnd    = "TRAILER!!!"
	isDir      = 0o040000
	isFile     = 0o100000
	typeBits   = 0o170000
)

// Bounds on what is unpacked and kept, in bytes.
const (
	maxRamdisk = 1 << 30
	maxNames   = 8 << 20
)

var errLarge = errors.New("it unpacks to more than 1 GiB")

// read reads archives, packed or not, one behind the other as kernels do.
func (a *archive) read(r io.Reader) error {
	a.kept, a.modules, a.trees = map[string]string{}, map[string]bool{}, map[string]bool{}
	if a.left == 0 {
		a.left = maxRamdisk
	}
	in := bufio.NewReader(r)
	for n := 1; ; n++ {
		if err := skipZeroes(in); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := a.readOne(in); err != nil {
			return fmt.Errorf("archive %d: %w", n, err)
		}
	}
}

func skipZeroes(in *bufio.Reader) error {
	for {
		b, err := in.ReadByte()
		if err != nil {
			return err
		}
		if b != 0 {
			return in.UnreadByte()
		}
	}
}

// readOne reads one archive, or one packed piece of archives.
func (a *archive) readOne(in *bufio.Reader) error {
	if magic, err := in.Peek(len("07070")); err == nil && string(magic) == "07070" {
		return a.newc(in)
	}
	packed, err := unpacked(in)
	if err != nil {
		return err
	}
	limited := &io.LimitedReader{R: packed, N: a.left}
	err = a.padded(bufio.NewReader(limited))
	if a.left = limited.N; a.left == 0 {
		return errLarge
	}
	return err
}

// padded reads archives that have zeroes behind them.
func (a *archive) padded(in *bufio.Reader) error {
	for {
		if err := skipZeroes(in); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := a.newc(in); err != nil {
			return err
		}
	}
}

// newc reads the entries of an archive up to its end.
func (a *archive) newc(in *bufio.Reader) error {
	for n := 1; ; n++ {
		name, mode, size, err := readEntry(in)
		if err == nil && name == cpioEnd {
			return nil
		}
		if err == nil {
			err = a.take(in, name, mode, size)
		}
		if err != nil {
			return fmt.Errorf("entry %d: %w", n, err)
		}
	}
}

// readEntry reads the header and the name of an entry, with their padding.
func readEntry(in *bufio.Reader) (name string, mode, size uint64, err error) {
	head := make([]byte, cpioHeader)
	if _, err := io.ReadFull(in, head); err != nil {
		return "", 0, 0, cut(err)
	}
	if magic := string(head[:6]); magic != "070701" && magic != "070702" {
		return "", 0, 0, fmt.Errorf("no archive in the form newc: it begins with %q", magic)
	}
	field := func(n int) (value uint64) {
		value, bad := strconv.ParseUint(string(head[6+8*n:14+8*n]), 16, 32)
		if bad != nil && err == nil {
			err = fmt.Errorf("field %d is no number: %q", n, head[6+8*n:14+8*n])
		}
		return value
	}
	mode, size = field(1), field(6)
	length := field(11)
	switch {
	case err != nil:
		return "", 0, 0, err
	case length == 0 || length > maxName:
		return "", 0, 0, fmt.Errorf("a name of %d bytes", length)
	}
	b := make([]byte, length+pad(cpioHeader+length))
	if _, err := io.ReadFull(in, b); err != nil {
		return "", 0, 0, cut(err)
	}
	return strings.TrimRight(string(b[:length]), "\x00"), mode, size, nil
}

// pad returns how many bytes are missing to the next multiple of four.
func pad(n uint64) uint64 { return -n & 3 }

// cut is the error of an archive that ends too soon.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// take keeps what says something about modules, and skips the rest.
func (a *archive) take(in io.Reader, name string, mode, size uint64) error {
	name = strings.TrimPrefix(strings.TrimPrefix(path.Clean("/"+name), "/"), "usr/")
	below, ok := strings.CutPrefix(name, "lib/modules/")
	release, file, _ := strings.Cut(below, "/")
	if ok && mode&typeBits == isFile && isRelease(release) {
		a.addModule(name, release)
	}
	wanted := ok && (file == "config" || file == "modules.builtin" || file == "modules.builtin.modinfo") || strings.HasPrefix(name, "boot/config-")
	if wanted && mode&typeBits == isFile && size <= maxConfig && len(a.kept) < 16 {
		b := make([]byte, 0, 4096)
		b, err := readUpTo(in, b, size)
		if err != nil {
			return err
		}
		a.kept[name], size = string(b), pad(size)
	} else {
		size += pad(size)
	}
	if n, err := io.CopyN(io.Discard, in, int64(size)); uint64(n) < size {
		return cut(err)
	}
	return nil
}

// readUpTo reads size bytes. It allocates memory only for bytes that come.
func readUpTo(in io.Reader, b []byte, size uint64) ([]byte, error) {
	for uint64(len(b)) < size {
		piece := make([]byte, min(size-uint64(len(b)), 64<<10))
		n, err := io.ReadFull(in, piece)
		if b = append(b, piece[:n]...); err != nil {
			return nil, cut(err)
		}
	}
	return b, nil
}

func (a *archive) addModule(name, release string) {
	a.trees[release] = true
	if strings.Contains(path.Base(name), ".ko") && a.names+len(name) <= maxNames {
		a.modules[name] = true
		a.names += len(name)
	}
}

// release returns the release that has files below lib/modules; empty unless there
// is exactly one.
func (a *archive) release() string {
	if len(a.trees) != 1 {
		return ""
	}
	for release := range a.trees {
		return release
	}
	return ""
}

// modulesDep lists the files of modules that exist, in the format of modules.dep:
// the ramdisk's own list may be of another set. Empty without modules.
func (a *archive) modulesDep(dir string) string {
	if !a.trees[path.Base(dir)] {
		return ""
	}
	var b strings.Builder
	b.WriteString("#\n")
	for name := range a.modules {
		if file, ok := strings.CutPrefix(name, dir+"/"); ok {
			b.WriteString(file + ":\n")
		}
	}
	return b.String()
}
