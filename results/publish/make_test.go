package publish

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results"
)

// run is a log as a run leaves it, with its record.
func run(t *testing.T) string {
	t.Helper()
	return filepath.Join(seed(t), "boot.log")
}

var mine = About{Hypervisor: "my-vmm", Version: "1.2", Host: "a board", Date: "2026-11-30"}

func TestMake(t *testing.T) {
	s, err := ReadSource(run(t))
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "published")
	f, err := Make(dir, "my-vmm-1.2", mine, []Source{*s})
	require.NoError(t, err)
	require.Equal(t, "none", f.Firmware)
	require.Equal(t, "Linux 6.1.0-57-arm64", f.Kernel)
	require.Equal(t, "arm64", f.Arch)
	require.Contains(t, f.Command, "qemu-system-aarch64 -nodefaults ")
	require.Contains(t, f.Command, " 'panic=-1 kpti=off vmspec.nonce=")
	require.Empty(t, f.Compare())
	for name, want := range map[string][]byte{"boot.log": s.Data, "boot.log" + results.HostRunSuffix: s.Record} {
		data, err := os.ReadFile(filepath.Join(f.Dir, name))
		require.NoError(t, err)
		require.Equal(t, want, data, "as it came")
	}
	require.Equal(t, []string{"my-vmm-1.2"}, entries(t, dir), "nothing else is left")

	_, err = Make(dir, "my-vmm-1.2", mine, []Source{*s})
	require.ErrorContains(t, err, "is there already")
}

func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

func TestMakeOfPackedLog(t *testing.T) {
	s, err := ReadSource(run(t))
	require.NoError(t, err)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err = w.Write(s.Data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	s.Name, s.Data = "boot.log.gz", packed.Bytes()
	f, err := Make(t.TempDir(), "packed", mine, []Source{*s})
	require.NoError(t, err)
	require.Equal(t, "Linux 6.1.0-57-arm64", f.Kernel)
	require.Empty(t, f.Compare())
}

// A folder that cannot be made leaves nothing.
func TestMakeRefuses(t *testing.T) {
	good, err := ReadSource(run(t))
	require.NoError(t, err)
	cut := Source{Name: "cut.log", Data: good.Data[:len(good.Data)/4]}
	other := Source{Name: "other.log", Data: good.Data, Record: bytes.ReplaceAll(good.Record, []byte(`"nonce": "`), []byte(`"nonce": "x`))}
	for name, c := range map[string]struct {
		name    string
		about   About
		sources []Source
		want    string
	}{
		"a path":             {"../x", mine, []Source{*good}, "is a path"},
		"a hidden folder":    {".x", mine, []Source{*good}, "a name is"},
		"no report":          {"x", mine, []Source{{Name: "a.log", Data: []byte("hello\n")}}, "a.log: no report in the log"},
		"a cut log":          {"x", mine, []Source{*good, cut}, "cut.log: "},
		"another's record":   {"x", mine, []Source{other}, "other.log: the record is of another run"},
		"a damaged record":   {"x", mine, []Source{{Name: "a.log", Data: good.Data, Record: []byte("{")}}, "not the record of a run"},
		"two of one name":    {"x", mine, []Source{*good, *good}, "boot.log is there twice"},
		"our own file":       {"x", mine, []Source{{Name: PageFile, Data: good.Data, Record: good.Record}}, "README.md is there twice, or is no log"},
		"no version":         {"x", About{Hypervisor: "a", Host: "b", Date: "2026-11-30"}, []Source{*good}, "version is missing"},
		"no command":         {"x", mine, []Source{{Name: "a.log", Data: good.Data}}, "command is missing"},
		"damaged gzip":       {"x", mine, []Source{{Name: "a.gz", Data: []byte{0x1f, 0x8b, 1}}}, "a.gz: "},
		"a date that is not": {"x", About{Hypervisor: "a", Version: "1", Host: "b", Date: "soon"}, []Source{*good}, `date: "soon"`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := Make(dir, c.name, c.about, c.sources)
			require.ErrorContains(t, err, c.want)
			require.Empty(t, entries(t, dir))
		})
	}
}

func TestSourcesThatAreNone(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large.log")
	require.NoError(t, os.WriteFile(large, make([]byte, MaxLog+1), 0o600))
	spaced := filepath.Join(dir, "a b.log")
	require.NoError(t, os.WriteFile(spaced, nil, 0o600))
	for path, want := range map[string]string{
		large: "at most 1048576 are published", spaced: "a name is", dir: "not a regular file", filepath.Join(dir, "no.log"): "no such file",
	} {
		_, err := ReadSource(path)
		require.ErrorContains(t, err, want)
	}
}

// What a hostile log says of itself cannot break the description.
func TestHostileLog(t *testing.T) {
	s, err := ReadSource(run(t))
	require.NoError(t, err)
	hostile := "Linux version 6.1: [\x1b[31m {\"\nLinux version 9.9-x y\n"
	s.Data = append([]byte(hostile), s.Data...)
	f, err := Make(t.TempDir(), "hostile", mine, []Source{*s})
	require.NoError(t, err)
	require.Equal(t, "Linux 6.1", f.Kernel)
}

// A log is read to a verdict or an error, whatever it is.
func FuzzReadLog(f *testing.F) {
	f.Add([]byte("TAP version 13\n1..1\n"), []byte("{}"))
	f.Add([]byte{0x1f, 0x8b, 8}, []byte(nil))
	f.Fuzz(func(t *testing.T, data, record []byte) {
		l := ReadLog(data, record)
		if l.Err == nil {
			require.NotNil(t, l.Report())
			require.NotEmpty(t, l.Verdicts())
		}
	})
}
