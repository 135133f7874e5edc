package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results"
	"vmspec/results/publish"
	"vmspec/suite"
)

var publishedDir = filepath.Join("..", "..", "results", "published")

// vmspec report reads a published log as the package publish does.
func TestPublishedLogsAreReported(t *testing.T) {
	all, err := publish.Load(publishedDir)
	require.NoError(t, err)
	for _, f := range all {
		for _, want := range f.Expected {
			_, stdout, stderr := vmspec(t, "report", "--format", "json", "--profile", want.Profile, filepath.Join(f.Dir, want.Log))
			require.Empty(t, stderr, f.Name)
			var sheet struct {
				Verdict string `json:"verdict"`
			}
			require.NoError(t, json.Unmarshal([]byte(stdout), &sheet), f.Name)
			require.Equal(t, want.Now().Verdict, sheet.Verdict, "%s: %s by %s", f.Name, want.Log, want.Profile)
		}
	}
}

// What the page of Xen says of its releases is what vmspec diff shows.
func TestReleasesOfXen(t *testing.T) {
	const newly = "new  PLAT-CONSOLE-INPUT"
	for domain, takesInput := range map[string]bool{"dom0": false, "dom0less": true, "domu": false} {
		log := func(version string) string {
			return filepath.Join(publishedDir, "xen-"+version+"-"+domain, "xen-"+domain+".log")
		}
		status, stdout, stderr := vmspec(t, "diff", log("4.17"), log("4.20"))
		require.Equal(t, results.Conformant, status, stdout+stderr)
		require.Contains(t, stdout, "\nno regression\n", domain)
		require.Contains(t, stdout, "passed: SMCCC 1.2\n", domain)
		require.Equal(t, takesInput, strings.Contains(stdout, newly), stdout)
	}
}

// vmmPages are the pages about hypervisors, by their folders.
func vmmPages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(publishedDir)
	require.NoError(t, err)
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(publishedDir, e.Name(), publish.PageFile))
		if errors.Is(err, fs.ErrNotExist) || !e.IsDir() {
			continue
		}
		require.NoError(t, err)
		all[e.Name()] = string(text)
	}
	return all
}

// notRun are the hypervisors that we could not run; of the others there are results.
var notRun = []string{"cloud-hypervisor", "firecracker", "crosvm", "apple-virtualization", "hyper-v"}

func TestPagesSayWhatWasNotRun(t *testing.T) {
	all := vmmPages(t)
	require.Len(t, all, len(notRun)+4)
	for _, name := range notRun {
		require.Contains(t, firstLine(all[name]), ": not run by us;", name)
		delete(all, name)
	}
	for name, text := range all {
		require.NotContains(t, firstLine(text), "not run", name)
		folders, err := filepath.Glob(filepath.Join(publishedDir, name+"-*", publish.AboutFile))
		require.NoError(t, err)
		require.NotEmpty(t, folders, name)
	}
}

var idWord = regexp.MustCompile(`\b(?:FW|HW|PLAT|IMG|OS)-[A-Z0-9]+(?:-[A-Z0-9]+)*\b`)

func TestPagesNameRequirements(t *testing.T) {
	for name, text := range vmmPages(t) {
		require.Contains(t, text, "\n## What to expect\n", name)
		ids := idWord.FindAllString(text, -1)
		require.NotEmpty(t, ids, name)
		for _, id := range ids {
			_, ok := suite.Find(id)
			require.True(t, ok, "%s: there is no %s", name, id)
		}
	}
}

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// commandsOf lists the commands of a page that begin with vmspec, as words.
func commandsOf(t *testing.T, page string) (all [][]string) {
	t.Helper()
	for _, block := range shellBlock.FindAllStringSubmatch(page, -1) {
		for line := range strings.Lines(strings.ReplaceAll(block[1], "\\\n", " ")) {
			require.True(t, strings.HasPrefix(line, "vmspec "), "%s: what else is to be typed is another kind of block", line)
			require.NotContains(t, line, "$(")
			require.NotContains(t, line, "`")
			// A shell splits the words, and runs nothing.
			out, err := exec.Command("sh", "-c", `vmspec() { printf '%s\0' "$@"; }; `+line).Output()
			require.NoError(t, err, line)
			all = append(all, strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"))
		}
	}
	return all
}

// The commands are the program's: each gets as far as the hypervisor that is not
// installed, or the log that is not there.
func TestPagesHaveCommands(t *testing.T) {
	commands := map[string][][]string{publish.PageFile: nil}
	for name, text := range vmmPages(t) {
		commands[name] = commandsOf(t, text)
	}
	text, err := os.ReadFile(filepath.Join(publishedDir, publish.PageFile))
	require.NoError(t, err)
	commands[publish.PageFile] = commandsOf(t, string(text))
	guest, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	for _, file := range []string{"Image", "initramfs.cpio.lz4"} {
		require.NoError(t, os.MkdirAll(filepath.Join("build", "arm64"), 0o755))
		_ = os.Symlink(filepath.Join(guest, "build", "arm64", file), filepath.Join("build", "arm64", file))
	}
	t.Setenv("PATH", t.TempDir())
	for name, all := range commands {
		kinds := map[string]bool{}
		for _, command := range all {
			kinds[tryCommand(t, name, command)] = true
		}
		require.True(t, kinds["publish"], name)
		if name != publish.PageFile {
			require.True(t, kinds["exec"], "%s: a page has a run exec command", name)
		}
	}
}

// tryCommand runs a command as far as it comes, and returns what it is called.
func tryCommand(t *testing.T, page string, command []string) string {
	t.Helper()
	c, rest, err := newRoot().Find(command)
	require.NoError(t, err, "%s: %q", page, command)
	require.NoError(t, c.ParseFlags(rest), "%s: %q", page, command)
	require.NoError(t, c.ValidateArgs(c.Flags().Args()), "%s: %q", page, command)
	if c.Name() == "run" { // a target: how far it comes is a matter of this machine
		return c.Name()
	}
	status, _, stderr := vmspec(t, command...)
	require.Equal(t, results.Conformance(unusable), status, "%s: %q", page, command)
	want := map[string]string{"exec": "vmspec: " + c.Flags().Arg(0) + " is not installed\n"}[c.Name()]
	if want == "" {
		want = "boot.log: no such file or directory\n"
	}
	require.True(t, strings.HasSuffix(stderr, want), "%s: %q: %s", page, command, stderr)
	return c.Name()
}
