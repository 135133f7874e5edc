package imagefile

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"
)

// A reader makes a raw image of a file in a form. The image may be the file.
type reader func(ctx context.Context, i *Image) (*Image, error)

// errNoTool says that a program is missing, without which a form is not read.
var errNoTool = errors.New("qemu-img is not installed")

// maxLayers is how often what was unpacked may be packed again.
const maxLayers = 4

// unpack reads a raw image out of a file in a form, and closes the file. Its
// error says what else makes one.
func (i *Image) unpack(ctx context.Context, f *form, name string) (*Image, error) {
	first, in := f, f.is
	for range maxLayers {
		if f.read == nil {
			return nil, errors.Join(f.within(first).refusal(i, name), i.Close())
		}
		inner, err := f.read(ctx, i)
		if errors.Is(err, errNoTool) {
			return nil, errors.Join(fmt.Errorf("%w (%w, by which vmspec reads it)", f.within(first).refusal(i, name), err), i.Close())
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: is %s, which cannot be read: %w", name, f.is, err), i.Close())
		}
		if inner.file != i.file {
			if err := i.Close(); err != nil {
				return nil, errors.Join(err, inner.Close())
			}
		}
		i = inner
		i.In = in
		if f, err = identify(i, i.Size); err != nil {
			return nil, errors.Join(err, i.Close())
		}
		if f == nil {
			return i, nil
		}
		in += ", in it " + f.is
	}
	return nil, errors.Join(fmt.Errorf("%s: is packed more than %d times", name, maxLayers), i.Close())
}

// within is the form as it is told of a file in whose first form it lies. What
// unpacks that comes first; tar does so by itself.
func (f *form) within(first *form) *form {
	if f == first || strings.HasPrefix(f.is, "a tar ") {
		return f
	}
	return &form{is: first.is + ", with " + f.is + " in it", how: first.how}
}

// todo is what to do with a file.
func (f *form) todo(i *Image, name string) string {
	if f.holds != nil {
		return f.how + f.members(f.holds(i, i.Size), name)
	}
	if !strings.Contains(f.how, "%") {
		return f.how
	}
	how := strings.ReplaceAll(f.how, "%[1]s", quoted(name))
	return strings.ReplaceAll(how, "%[2]s", quoted(name+".raw"))
}

// quoted writes a file's name as shells take it, and programs do not take for an
// option or for a protocol.
func quoted(name string) string {
	if strings.HasPrefix(name, "-") || strings.Contains(strings.SplitN(name, "/", 2)[0], ":") {
		name = "./" + name
	}
	if strings.ContainsFunc(name, func(c rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+@%,:=", c)
	}) {
		return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
	}
	return name
}

// withoutFooter reads a VHD of fixed size where it lies.
func withoutFooter(_ context.Context, i *Image) (*Image, error) {
	return &Image{ReaderAt: i.ReaderAt, Size: i.Size - 512, Sector: i.Sector, file: i.file, temporary: i.temporary}, nil
}

// unpacking is the reader of a form that a library unpacks.
func unpacking(open func(in io.Reader) (io.Reader, error)) reader {
	return func(ctx context.Context, i *Image) (*Image, error) {
		in, err := open(bufio.NewReaderSize(io.NewSectionReader(i, 0, i.Size), 1<<20))
		if err != nil {
			return nil, err
		}
		out, err := temporary()
		if err != nil {
			return nil, err
		}
		size, err := sparse(ctx, out, in)
		if err != nil {
			return nil, errors.Join(err, out.Close())
		}
		return &Image{ReaderAt: out, Size: size, file: out, temporary: true}, nil
	}
}

func openGzip(in io.Reader) (io.Reader, error)  { return gzip.NewReader(in) }
func openXZ(in io.Reader) (io.Reader, error)    { return xz.NewReader(in) }
func openLZMA(in io.Reader) (io.Reader, error)  { return lzma.NewReader(in) }
func openLZ4(in io.Reader) (io.Reader, error)   { return lz4.NewReader(in), nil }
func openBzip2(in io.Reader) (io.Reader, error) { return bzip2.NewReader(in), nil }

// openZstd takes what zstd --long=31 needs, which is the most it can.
func openZstd(in io.Reader) (io.Reader, error) {
	return zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(1<<31))
}

// temporary makes a file that is gone when it is closed, however vmspec ends.
func temporary() (*os.File, error) {
	f, err := os.CreateTemp("", "vmspec-*.raw")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

// sparse copies, and leaves out what is zero.
func sparse(ctx context.Context, out *os.File, in io.Reader) (size int64, err error) {
	b, zero := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(in, b)
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if n > 0 && !bytes.Equal(b[:n], zero[:n]) {
			if _, err := out.WriteAt(b[:n], size); err != nil {
				return 0, err
			}
		}
		size += int64(n)
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && n > 0 && ended(in):
			return size, out.Truncate(size)
		case err != nil:
			return 0, err
		}
	}
}

// ended tells whether a stream ended as it should: io.ReadFull says the same of
// one that broke off.
func ended(in io.Reader) bool {
	_, err := in.Read(make([]byte, 1))
	return errors.Is(err, io.EOF)
}

// qemuImg is the reader of a format that qemu-img knows by that name.
func qemuImg(format string) reader {
	return func(ctx context.Context, i *Image) (*Image, error) {
		program, err := exec.LookPath("qemu-img")
		if err != nil {
			return nil, errNoTool
		}
		dir, err := os.MkdirTemp("", "vmspec-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		from, err := filepath.Abs(i.file.Name()) // so that nothing in it is a protocol
		if err != nil {
			return nil, err
		}
		if i.temporary { // it has no name any more
			from = "/dev/stdin"
		}
		raw := filepath.Join(dir, "disk.raw")
		cmd := exec.CommandContext(ctx, program, "convert", "-f", format, "-O", "raw", from, raw)
		cmd.Stdin = i.file
		if said, err := cmd.CombinedOutput(); err != nil {
			line, _, _ := strings.Cut(strings.TrimSpace(string(said)), "\n")
			return nil, fmt.Errorf("qemu-img: %w: %s", err, line)
		}
		f, err := os.Open(raw)
		if err != nil {
			return nil, err
		}
		info, err := f.Stat()
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return &Image{ReaderAt: f, Size: info.Size(), file: f, temporary: true}, nil
	}
}
