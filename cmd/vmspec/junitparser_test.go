package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// debianPython is the one that Debian's modules are for.
const debianPython = "/usr/bin/python3"

// readByJUnitParser says of each case its class, name, and what it is taken for.
const readByJUnitParser = `
import json, sys
from junitparser import JUnitXml, Failure, Error, Skipped
xml = JUnitXml.fromfile(sys.argv[1])
kinds = {Failure: "failed", Error: "error", Skipped: "skipped"}
cases = [[c.classname, c.name, kinds[type(c.result[0])] if c.result else "passed"] for s in xml for c in s]
print(json.dumps({"tests": xml.tests, "failures": xml.failures, "errors": xml.errors, "skipped": xml.skipped, "cases": cases}))
`

// What viewers are built on reads our JUnit: make consumers installs it.
func TestJUnitParser(t *testing.T) {
	if err := exec.Command(debianPython, "-c", "import junitparser").Run(); err != nil {
		require.Empty(t, os.Getenv("VMSPEC_JUNITPARSER"), "make consumers installs python3-junitparser")
		t.Skip("python3-junitparser is not installed: make consumers installs it")
	}
	for _, name := range fiveLogs {
		t.Run(name, func(t *testing.T) {
			_, text, _ := vmspec(t, "report", "--format", "junit", filepath.Join("..", "..", "results", "testdata", name))
			ours := readJUnit(t, text)
			file := filepath.Join(t.TempDir(), "report.xml")
			require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
			out, err := exec.Command(debianPython, "-c", readByJUnitParser, file).Output()
			require.NoError(t, err)
			var theirs struct {
				Tests, Failures, Errors, Skipped int
				Cases                            [][3]string
			}
			require.NoError(t, json.Unmarshal(out, &theirs))
			require.Equal(t, ours.Counts.Points+1, theirs.Tests)
			require.Len(t, theirs.Cases, theirs.Tests)
			seen := map[string]bool{}
			kinds := map[string]int{}
			var failed []string
			for _, c := range theirs.Cases {
				name := c[0] + " " + c[1]
				require.False(t, seen[name], "%s is there twice: a viewer would show one", name)
				seen[name] = true
				if kinds[c[2]]++; c[2] == "failed" && !strings.HasSuffix(name, " VERDICT") {
					failed = append(failed, c[1])
				}
			}
			require.ElementsMatch(t, ours.Failed, failed)
			require.Equal(t, []int{theirs.Failures, theirs.Errors, theirs.Skipped}, []int{kinds["failed"], kinds["error"], kinds["skipped"]})
		})
	}
}
