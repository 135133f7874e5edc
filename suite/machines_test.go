package suite

import (
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/analysis/suite/vet"
	"golang.org/x/tools/go/packages"
)

// machines are those that this one's compiler does not see, and what is for
// them.
var machines = []struct{ os, arch, pattern string }{
	{"linux", "arm64", "vmspec/..."},
	{"linux", "arm", "vmspec/..."},
	{"darwin", "arm64", "vmspec/cmd/vmspec/..."},
}

// TestOtherMachines does to all packages and tests what go vet does, for each
// machine. It reads all dependencies' sources, in a tenth of the time that
// compiling them takes.
func TestOtherMachines(t *testing.T) {
	if os.Getenv("VMSPEC_BOOT") == "" {
		t.Skip("takes a minute: make test sets VMSPEC_BOOT")
	}
	seeFolders(t)
	for _, m := range machines {
		t.Run(m.os+" "+m.arch, func(t *testing.T) {
			loaded := load(t, m.os, m.arch, m.pattern)
			graph, err := checker.Analyze(vet.Suite, loaded, nil)
			require.NoError(t, err)
			for _, root := range graph.Roots {
				require.NoError(t, root.Err, root)
				for _, d := range root.Diagnostics {
					t.Errorf("%s: %s", root.Package.Fset.Position(d.Pos), d.Message)
				}
			}
		})
	}
}

// load reads packages with their tests, by the types of a machine.
func load(t *testing.T, system, arch, pattern string) []*packages.Package {
	t.Helper()
	loaded, err := packages.Load(&packages.Config{
		Mode:  packages.LoadAllSyntax,
		Tests: true,
		Env:   append(os.Environ(), "GOOS="+system, "GOARCH="+arch, "CGO_ENABLED=0"),
	}, pattern)
	require.NoError(t, err)
	require.NotEmpty(t, loaded)
	packages.Visit(loaded, nil, func(p *packages.Package) {
		for _, err := range p.Errors {
			t.Error(err)
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	return loaded
}

// seeFolders opens every folder of sources, so that go test runs anew when
// there is another file.
func seeFolders(t *testing.T) {
	t.Helper()
	for _, dir := range []string{"suite", "probes", "cmd", "initramfs", "results"} {
		require.NoError(t, fs.WalkDir(os.DirFS(".."), dir, func(name string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && strings.HasSuffix(name, "testdata") {
				return fs.SkipDir
			}
			return err
		}))
	}
}
