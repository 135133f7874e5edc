package osimage

import (
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz/lzma"
)

// maxWindow bounds the memory for unpacking, in bytes. Usual ramdisks need 1 MiB
// for xz and 8 MiB for zstd.
const maxWindow = 32 << 20

// packers are the formats that kernels unpack (lib/decompress.c), by their first
// bytes.
var packers = []struct {
	magic string
	open  func(in *bufio.Reader) (io.Reader, error)
}{
	{"\x1f\x8b", openGzip},
	{"\xfd7zXZ\x00", openXZ},
	{"\x28\xb5\x2f\xfd", openZstd},
	{"\x02\x21\x4c\x18", func(in *bufio.Reader) (io.Reader, error) { return lz4.NewReader(in), nil }}, // legacy
	{"\x04\x22\x4d\x18", func(in *bufio.Reader) (io.Reader, error) { return lz4.NewReader(in), nil }},
	{"BZh", func(in *bufio.Reader) (io.Reader, error) { return bzip2.NewReader(in), nil }},
	{"\x5d\x00\x00", func(*bufio.Reader) (io.Reader, error) { return nil, errors.New("packed as LZMA, which is not read") }},
	{"\x89LZO", func(*bufio.Reader) (io.Reader, error) { return nil, errors.New("packed by lzop, which is not read") }},
}

// unpacked unpacks what a reader holds.
func unpacked(r io.Reader) (io.Reader, error) {
	in, ok := r.(*bufio.Reader)
	if !ok {
		in = bufio.NewReader(r)
	}
	begin, _ := in.Peek(8)
	for _, p := range packers {
		if strings.HasPrefix(string(begin), p.magic) {
			return p.open(in)
		}
	}
	return nil, fmt.Errorf("neither an archive nor packed in a known way: it begins with %q", begin)
}

// openGzip does not read on behind the end of the file.
func openGzip(in *bufio.Reader) (io.Reader, error) {
	z, err := gzip.NewReader(in)
	if err == nil {
		z.Multistream(false)
	}
	return z, err
}

func openZstd(in *bufio.Reader) (io.Reader, error) {
	return zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
}

// An xzReader finds the blocks of an xz file (The .xz File Format 1.1.0) and lets
// ulikunitz/xz unpack each. By itself ulikunitz/xz would allocate the dictionary
// that a block claims, up to 4 GiB.
type xzReader struct {
	in    *bufio.Reader
	count *counter
	check int // bytes of the checksum behind each block
	block io.Reader
}

// counter counts what is read through it, byte by byte too.
type counter struct {
	in *bufio.Reader
	n  int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.in.Read(b)
	c.n += int64(n)
	return n, err
}

func (c *counter) ReadByte() (byte, error) {
	b, err := c.in.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}

// checkSizes are the sizes of the checksums, by their number: section 2.1.1.2.
var checkSizes = map[byte]int{0: 0, 1: 4, 4: 8, 10: 32}

func openXZ(in *bufio.Reader) (io.Reader, error) {
	head := make([]byte, 12)
	if _, err := io.ReadFull(in, head); err != nil {
		return nil, cut(err)
	}
	size, known := checkSizes[head[7]]
	if !known {
		return nil, fmt.Errorf("xz: check %d is not known", head[7])
	}
	return &xzReader{in: in, check: size}, nil
}

// Read reads block after block, and skips the index behind them.
func (x *xzReader) Read(b []byte) (int, error) {
	for {
		if x.block == nil {
			if err := x.next(); err != nil {
				return 0, err
			}
		}
		n, err := x.block.Read(b)
		if errors.Is(err, io.EOF) {
			err = x.end()
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// next begins a block; io.EOF says that there are no more.
func (x *xzReader) next() error {
	size, err := x.in.ReadByte()
	if err != nil {
		return cut(err)
	}
	if size == 0 {
		return x.index()
	}
	head := make([]byte, int(size)*4+3) // the rest of it
	if _, err := io.ReadFull(x.in, head); err != nil {
		return cut(err)
	}
	window, err := lzma2Window(head)
	if err != nil {
		return err
	}
	x.count = &counter{in: x.in}
	x.block, err = lzma.Reader2Config{DictCap: window}.NewReader2(x.count)
	return err
}

// end skips the padding and the checksum behind a block.
func (x *xzReader) end() error {
	x.block = nil
	_, err := x.in.Discard(int(-x.count.n&3) + x.check)
	if err != nil {
		return cut(err)
	}
	return nil
}

// index skips what follows the last block: a count of records, records of two
// numbers, padding, a checksum, and the footer of the stream.
func (x *xzReader) index() error {
	x.count = &counter{in: x.in, n: 1}
	records, err := readNumber(x.count)
	for ; err == nil && records > 0; records-- {
		if _, err = readNumber(x.count); err == nil {
			_, err = readNumber(x.count)
		}
	}
	if err == nil {
		_, err = x.in.Discard(int(-x.count.n&3) + 4 + 12)
	}
	if err != nil {
		return cut(err)
	}
	return io.EOF
}

// readNumber reads a number of seven bits a byte, lowest first: section 1.2.
func readNumber(in io.ByteReader) (value uint64, err error) {
	for shift := 0; shift < 63; shift += 7 {
		b, err := in.ReadByte()
		if err != nil {
			return 0, err
		}
		value |= uint64(b&0x7f) << shift
		if b&0x80 == 0 {
			return value, nil
		}
	}
	return 0, errors.New("xz: a number without an end")
}

// lzma2Window reads from a block's header how large its dictionary is: sections
// 3.1 and 5.3.1.
func lzma2Window(head []byte) (int, error) {
	flags, rest := head[0], strings.NewReader(string(head[1:]))
	if flags&3 != 0 {
		return 0, fmt.Errorf("xz: %d filters, where one is read", flags&3+1)
	}
	for bit := byte(0x40); bit != 0; bit <<= 1 {
		if flags&bit != 0 {
			if _, err := readNumber(rest); err != nil {
				return 0, cut(err)
			}
		}
	}
	filter, _ := rest.ReadByte()
	size, _ := rest.ReadByte()
	bits, err := rest.ReadByte()
	switch {
	case err != nil:
		return 0, cut(err)
	case filter != 0x21 || size != 1:
		return 0, fmt.Errorf("xz: filter %#x, where LZMA2 is read", filter)
	}
	if window := int64(2|bits&1) << (bits/2 + 11); bits <= 40 && window <= maxWindow {
		return int(max(window, lzma.MinDictCap)), nil
	}
	return 0, fmt.Errorf("xz: it takes more than %d MiB of memory", maxWindow>>20)
}
