package suite

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"vmspec/suite/mutants"
	"vmspec/suite/mutants/mutantstest"
)

// foreignDir has one file for each hypervisor, VMM, firmware or kernel of other
// people. Its README says how rows are written.
const foreignDir = "../probes/testdata/foreign"

// The table is meant to cover this much.
const (
	foreignRows  = 160
	foreignFiles = 30
)

func TestForeignMachines(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(foreignDir, "*.txtar"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), foreignFiles)
	rows := 0
	for _, file := range files {
		ofFile := readRows(t, file)
		rows += len(ofFile)
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			for _, r := range ofFile {
				t.Run(r.Name, r.test)
			}
		})
	}
	require.GreaterOrEqual(t, rows, foreignRows)
}

// A row is one machine that nobody here built: a captured guest, what is
// changed, and what must be found.
type row struct {
	*mutants.Row
	files mutantstest.Files
}

func (r row) test(t *testing.T) { require.Empty(t, r.outcome(t).Wrong(), r.At) }

// said is what a point says, its problem first.
func said(f Finding) string {
	return strings.Join(append([]string{f.Problem}, f.Found...), "; ")
}

// readRows reads a file of rows.
func readRows(t *testing.T, file string) (rows []row) {
	archive, err := txtar.ParseFile(file)
	require.NoError(t, err)
	files := mutantstest.Files{}
	for _, f := range archive.Files {
		files[f.Name] = f.Data
	}
	parsed, err := mutants.Parse(filepath.Base(file), string(archive.Comment))
	require.NoError(t, err)
	for _, r := range parsed {
		rows = append(rows, row{r, files})
	}
	return rows
}
