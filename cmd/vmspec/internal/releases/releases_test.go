package releases

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

var versionName = regexp.MustCompile(`^\d+\.\d+\.\d+\.(yaml|md)$`)

// Each file is called by its version, and each record says so.
func TestData(t *testing.T) {
	names, err := fs.Glob(data, "*")
	require.NoError(t, err)
	require.Contains(t, names, "0.1.0.yaml")
	for _, name := range names {
		require.Regexp(t, versionName, name)
		version, isRecord := strings.CutSuffix(name, ".yaml")
		if !isRecord {
			require.NotEmpty(t, Notes(strings.TrimSuffix(name, ".md")))
			continue
		}
		text, err := fs.ReadFile(data, name)
		require.NoError(t, err)
		r, err := Read(text)
		require.NoError(t, err, name)
		require.Equal(t, version, r.Version)
		require.NotEmpty(t, r.Requirements)
		require.NotEmpty(t, r.Commands)
		require.NotEmpty(t, r.Formats)
		require.NotEmpty(t, r.Targets)
	}
}

func TestBefore(t *testing.T) {
	dir := fstest.MapFS{}
	for _, v := range []string{"0.1.0", "0.2.0", "0.10.0", "1.0.0"} {
		dir[v+".yaml"] = &fstest.MapFile{Data: []byte("version: " + v + "\n")}
	}
	dir["0.9.0.md"] = &fstest.MapFile{Data: []byte("not a record")}
	for version, want := range map[string]string{"0.1.1": "0.1.0", "0.2.0": "0.1.0", "0.3.0": "0.2.0", "0.10.0": "0.2.0", "0.11.0": "0.10.0", "1.0.0": "0.10.0", "2.0.0": "1.0.0"} {
		r, err := before(dir, version)
		require.NoError(t, err)
		require.Equal(t, want, r.Version, version)
	}
	_, err := before(dir, "0.1.0")
	require.EqualError(t, err, "no release before 0.1.0 has a record")
	dir["0.10.0.yaml"].Data = []byte("version: [\n")
	_, err = before(dir, "0.11.0")
	require.ErrorContains(t, err, "0.10.0.yaml: read record of a release: ")
}

func TestNoNotes(t *testing.T) { require.Empty(t, Notes("0.0.1")) }
