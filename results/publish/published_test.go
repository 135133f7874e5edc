package publish

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// published is where the repository keeps them.
var published = filepath.Join("..", "published")

// Every log is read again. A verdict that has changed stands in verdicts.yaml with the
// reason, or it is wrong.
func TestPublishedVerdictsStand(t *testing.T) {
	all, err := Load(published)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(all), 16)
	for _, f := range all {
		t.Run(f.Name, func(t *testing.T) {
			for _, l := range f.Logs {
				require.NoError(t, l.Err, l.Name)
				require.NotNil(t, l.Record, "the record of %s", l.Name)
			}
			require.Empty(t, f.Compare(), "a verdict has changed: list it under changed in %s, with the reason", filepath.Join(f.Dir, VerdictsFile))
			require.NotEmpty(t, f.Expected)
		})
	}
}

func TestPublishedFitTheSchema(t *testing.T) {
	schema := compiled(t)
	all, err := Load(published)
	require.NoError(t, err)
	for _, f := range all {
		text, err := os.ReadFile(filepath.Join(f.Dir, AboutFile))
		require.NoError(t, err)
		require.NoError(t, schema.Validate(valueOf(t, text)), f.Name)
	}
}

// compiled is the schema of result.yaml.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	require.NoError(t, c.AddResource("result.json", doc))
	schema, err := c.Compile("result.json")
	require.NoError(t, err)
	return schema
}

// valueOf is YAML as a schema sees it.
func valueOf(t *testing.T, text []byte) (v any) {
	t.Helper()
	require.NoError(t, yaml.Unmarshal(text, &v))
	return v
}

// seed is a published folder to break.
func seed(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "qemu-7.2-virt")
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join(published, "qemu-7.2-virt"))))
	return dir
}

func TestVerdictThatChanged(t *testing.T) {
	f, err := LoadFolder(seed(t))
	require.NoError(t, err)
	was := f.Expected[0]
	f.Expected[0].Failed = []string{"FW-UEFI-BOOT"}
	require.Equal(t, []Difference{{Log: "boot.log", Profile: "rfc-v2",
		Expected: "not-conformant; failed: FW-UEFI-BOOT",
		Now:      "not-conformant; failed: FW-UEFI-BOOT FW-RTC FW-UEFI-SYSTAB HW-FDT-UEFI"}}, f.Compare())

	f.Expected[0].Changed = []Change{{Since: "0.2.0", Why: "a failure is followed", Verdict: was.Verdict, Failed: was.Failed}}
	require.Empty(t, f.Compare(), "the last change holds")

	f.Expected = f.Expected[1:]
	require.Equal(t, "no verdict", f.Compare()[0].Expected)
	f.Logs = nil
	require.Len(t, f.Compare(), 2)
	require.Equal(t, "no verdict", f.Compare()[0].Now)
	require.Contains(t, f.Compare()[0].String(), "boot.log by v1.0: expected not-conformant; failed: ")
}

func TestBrokenFolders(t *testing.T) {
	write := func(name, text string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		}
	}
	for name, c := range map[string]struct {
		breaks func(t *testing.T, dir string)
		want   string
	}{
		"a log that was edited":       {write("boot.log", "x"), "boot.log: is not as it came"},
		"a file that nobody listed":   {write("run.sh", "x"), `"run.sh" is not among the logs`},
		"a description that is empty": {write(AboutFile, ""), AboutFile + ": it is empty"},
		"a list of no verdict":        {write(VerdictsFile, "[]"), VerdictsFile + ": it holds no verdict"},
		"a log that leads elsewhere": {func(t *testing.T, dir string) {
			require.NoError(t, os.Rename(filepath.Join(dir, "boot.log"), filepath.Join(dir, "..", "x")))
			require.NoError(t, os.Symlink("../x", filepath.Join(dir, "boot.log")))
		}, "boot.log: not a regular file"},
		"no log": {func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, "boot.log")))
		}, "boot.log: no such file"},
		"a large description": {write(AboutFile, string(make([]byte, maxYAML+1))), "at most 65536"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := seed(t)
			c.breaks(t, dir)
			_, err := LoadFolder(dir)
			require.ErrorContains(t, err, c.want)
			_, err = Load(filepath.Dir(dir))
			require.ErrorContains(t, err, c.want)
		})
	}
}

// What lies beside folders is none.
func TestPagesAreNoFolders(t *testing.T) {
	dir := filepath.Dir(seed(t))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "crosvm"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "crosvm", PageFile), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, PageFile), nil, 0o600))
	all, err := Load(dir)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, "QEMU", all[0].Hypervisor)
	require.Equal(t, "not-conformant", string(all[0].Logs[0].Report().Verdict))
}
