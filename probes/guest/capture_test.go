package guest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// guests reads every captured guest, by its name. Package guesttest does so
// for others, but imports this one.
func guests(t testing.TB) map[string]*FS {
	t.Helper()
	paths, err := filepath.Glob("../testdata/guests/*.tar.gz")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	out := map[string]*FS{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		f, err := ReadCapture(bytes.NewReader(data))
		require.NoError(t, err)
		out[strings.TrimSuffix(filepath.Base(path), ".tar.gz")] = f
	}
	return out
}

func write(t testing.TB, f *FS) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, f.WriteCapture(&b))
	return b.Bytes()
}

// content lists what an FS holds, to be compared.
func content(f *FS) map[string]string {
	out := map[string]string{}
	for name, e := range f.entries {
		out[name] = fmt.Sprintf("%v %q %v", e.mode, e.data, f.errs[name])
	}
	return out
}

func TestCaptureRoundTrip(t *testing.T) {
	f := small()
	f.AddError("proc/x y\nz", ErrNotCaptured)
	first := write(t, f)
	require.Equal(t, first, write(t, f), "the same files give the same bytes")

	again, err := ReadCapture(bytes.NewReader(first))
	require.NoError(t, err)
	require.Equal(t, content(f), content(again))
	require.Equal(t, f.patterns, again.patterns)
	require.Equal(t, first, write(t, again))
	_, err = again.ReadFile("proc/x y\nz")
	require.ErrorIs(t, err, ErrNotCaptured, "it stays the same error")
}

func TestCaptureOfNothing(t *testing.T) {
	f, err := ReadCapture(bytes.NewReader(write(t, newFS(nil))))
	require.NoError(t, err)
	_, err = f.ReadFile("proc/cmdline")
	require.ErrorIs(t, err, ErrNotCaptured)
}

func TestCapturedGuestsRoundTrip(t *testing.T) {
	for _, f := range guests(t) {
		again, err := ReadCapture(bytes.NewReader(write(t, f)))
		require.NoError(t, err)
		require.Equal(t, content(f), content(again))
	}
}

// A header is one entry of an archive; the content is as long as Size says or
// as text is.
type header struct {
	tar.Header
	text string
}

func regular(name, text string) header {
	return header{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o444, Size: int64(len(text))}, text}
}

func special(kind byte, name, target string) header {
	return header{tar.Header{Typeflag: kind, Name: name, Linkname: target, Mode: 0o444}, ""}
}

var good = regular(manifest, "covers proc/*\n")

// archive packs entries, without a look at whether they make sense.
func archive(t testing.TB, entries ...header) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, e := range entries {
		require.NoError(t, w.WriteHeader(&e.Header))
		_, err := w.Write([]byte(e.text))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	return b.Bytes()
}

func zip(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(data)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

// claim is an archive whose second entry claims to be that large, and ends.
func claim(t testing.TB, size int64) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	require.NoError(t, w.WriteHeader(&good.Header))
	_, err := w.Write([]byte(good.text))
	require.NoError(t, err)
	require.NoError(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "proc/x", Size: size}))
	return zip(t, b.Bytes())
}

func TestReadCaptureFaults(t *testing.T) {
	crc := archive(t, good)
	crc[len(crc)-8]++
	many := []header{good}
	for i := range maxCaptureEntries + 1 {
		many = append(many, special(tar.TypeDir, fmt.Sprint(i), ""))
	}
	tests := map[string]struct {
		data []byte
		want string
	}{
		"empty":                          {nil, "not a .tar.gz"},
		"not gzip":                       {[]byte("TAP version 13\n1..57\n"), "not a .tar.gz"},
		"gzip of nothing":                {zip(t, nil), "unexpected EOF"},
		"not tar":                        {zip(t, bytes.Repeat([]byte("x"), 1024)), "entry 1"},
		"checksum off":                   {crc, "checksum"},
		"archive without entries":        {archive(t), "unexpected EOF"},
		"no manifest":                    {archive(t, regular("proc/cmdline", "")), `"proc/cmdline" where the manifest should be`},
		"manifest second":                {archive(t, regular("proc/cmdline", ""), good), "where the manifest should be"},
		"manifest is a link":             {archive(t, special(tar.TypeSymlink, manifest, "proc/cmdline")), "entry 1"},
		"manifest is a directory":        {archive(t, special(tar.TypeDir, manifest, "")), "entry 1"},
		"manifest of unknown words":      {archive(t, regular(manifest, "covers a\nremoves b\n")), `manifest line 2: "removes b"`},
		"manifest with a blank line":     {archive(t, regular(manifest, "\n\n")), "manifest line 1"},
		"error without a name":           {archive(t, regular(manifest, "error\n")), "no file name"},
		"error of a name unquoted":       {archive(t, regular(manifest, "error proc/x y\n")), "no file name"},
		"error of a name outside":        {archive(t, regular(manifest, "error \"../x\" y\n")), "no file name"},
		"file outside":                   {archive(t, good, regular("../etc/passwd", "")), "not a path inside"},
		"file outside, hidden":           {archive(t, good, regular("proc/../../etc/passwd", "")), "not a path inside"},
		"absolute file":                  {archive(t, good, regular("/etc/passwd", "")), "not a path inside"},
		"absolute directory":             {archive(t, good, special(tar.TypeDir, "/etc/", "")), "not a path inside"},
		"link outside":                   {archive(t, good, special(tar.TypeSymlink, "../x", "y")), "not a path inside"},
		"name deeper than Linux takes":   {archive(t, good, regular(strings.Repeat("d/", 3000)+"f", "")), "entry 2"},
		"device node":                    {archive(t, good, special(tar.TypeChar, "dev/mem", "")), "neither file, directory nor link"},
		"named pipe":                     {archive(t, good, special(tar.TypeFifo, "proc/x", "")), "neither file, directory nor link"},
		"hard link":                      {archive(t, good, special(tar.TypeLink, "proc/x", "/etc/passwd")), "neither file, directory nor link"},
		"too many entries":               {archive(t, many...), "more than 100000 entries"},
		"claims more than the limit":     {claim(t, maxCaptureBytes), "larger than 128 MiB"},
		"claims as much as there can be": {claim(t, 1<<62), "larger than 128 MiB"},
		"claims more than there is":      {claim(t, 1<<20), "unexpected EOF"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, err := ReadCapture(bytes.NewReader(test.data))
			require.ErrorContains(t, err, test.want)
			require.ErrorContains(t, err, "read capture: ")
			require.Nil(t, f)
		})
	}
}

// A capture that a lost connection cut must never look like a guest with less
// in it.
func TestReadCaptureTruncated(t *testing.T) {
	whole := write(t, small())
	_, err := ReadCapture(bytes.NewReader(whole))
	require.NoError(t, err)
	for size := range whole {
		f, err := ReadCapture(bytes.NewReader(whole[:size]))
		require.Error(t, err, size)
		require.Nil(t, f, size)
	}
}

func TestReadCaptureHostileLinks(t *testing.T) {
	f, err := ReadCapture(bytes.NewReader(archive(t, good,
		special(tar.TypeSymlink, "proc/up", "../../../../../../etc/passwd"),
		special(tar.TypeSymlink, "proc/loop", "loop"),
		regular("proc/up/below", "x"),
		regular(manifest, "a guest's own file"),
	)))
	require.NoError(t, err)
	_, err = f.ReadFile("proc/up")
	require.Error(t, err)
	_, err = f.ReadFile("proc/loop")
	require.Error(t, err)
	require.Equal(t, []string{"proc/*"}, f.patterns, "there is one manifest")
	again, err := ReadCapture(bytes.NewReader(write(t, f)))
	require.NoError(t, err)
	require.Equal(t, content(f), content(again))
}

func FuzzReadCapture(f *testing.F) {
	for _, files := range guests(f) {
		// The whole has 1 MiB: enough is what shows every kind of entry.
		part := newFS(files.patterns[:4])
		for _, n := range slices.Sorted(maps.Keys(files.entries)) {
			if e := files.entries[n]; strings.HasPrefix(n, "proc/") && len(e.data) < 2048 {
				part.put(n, e)
			}
		}
		f.Add(unzip(f, write(f, part)))
	}
	f.Add(unzip(f, write(f, small())))
	f.Add(unzip(f, archive(f, good, special(tar.TypeSymlink, "proc/a", "/b"), regular("proc/a/c", "x"))))
	// What is fuzzed is the archive: the fuzzer cannot make a gzip checksum.
	f.Fuzz(func(t *testing.T, tarball []byte) {
		files, err := ReadCapture(bytes.NewReader(zip(t, tarball)))
		if err != nil {
			require.Nil(t, files)
			return
		}
		for name := range files.entries {
			require.True(t, fs.ValidPath(name), name)
			if name != "." {
				require.Contains(t, files.entries, pathDir(name), "%s has no parent", name)
			}
			_, err := files.ReadFile(name)
			require.False(t, err == nil && files.errs[name] != nil, name)
		}
		again, err := ReadCapture(bytes.NewReader(write(t, files)))
		require.NoError(t, err)
		require.Equal(t, content(files), content(again))
	})
}

func pathDir(name string) string {
	if at := strings.LastIndexByte(name, '/'); at > 0 {
		return name[:at]
	}
	return "."
}

func unzip(t testing.TB, data []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	require.NoError(t, err)
	var b bytes.Buffer
	_, err = b.ReadFrom(z)
	require.NoError(t, err)
	return b.Bytes()
}
