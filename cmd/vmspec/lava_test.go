package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"vmspec/results"
	"vmspec/suite"
)

// asLAVA is a point's result as LAVA should have it.
var asLAVA = map[results.Verdict]string{results.Pass: "pass", results.Fail: "fail", results.Skip: "skip", results.Error: "unknown"}

// TestLAVAPattern reads reports as LAVA does: Python's expression is one of Go's but
// for the look ahead, which finds the ID.
func TestLAVAPattern(t *testing.T) {
	ahead, rest, _ := strings.Cut(strings.TrimPrefix(lavaPattern, "(?="), `[ \r\n])`)
	find := regexp.MustCompile(rest)
	name := regexp.MustCompile("^" + ahead + `[ \r\n]`)
	for file, text := range shown(t) {
		t.Run(file, func(t *testing.T) {
			report := parse(t, text)
			got := map[string]string{}
			for line := range strings.Lines(text) {
				id := name.FindStringSubmatch(line)
				at := find.FindStringSubmatchIndex(line)
				if id == nil || at == nil || at[0] != 0 {
					continue
				}
				result := find.FindStringSubmatch(line)
				got[id[name.SubexpIndex("test_case_id")]] = lavaResults[result[find.SubexpIndex("result")]]
			}
			for _, p := range report.Points {
				require.Equal(t, asLAVA[p.Verdict], got[p.ID], p.ID)
			}
			require.Equal(t, lavaResults[string(report.Verdict)], got["verdict"])
			require.Len(t, got, len(report.Points)+1)
		})
	}
}

// TestLAVAExpected: LAVA would fail what is expected and not reported, and the other
// way about.
func TestLAVAExpected(t *testing.T) {
	for _, profile := range suite.Profiles() {
		f := lavaFlags{}
		want := map[string]bool{"verdict": true}
		for _, r := range suite.Catalogue() {
			if _, asked := r.Clauses.By(profile); asked {
				want[lavaName(r.ID)] = true
			}
		}
		names := f.expected(suite.Settings{Profile: profile})
		require.Len(t, names, len(want))
		for _, name := range names {
			require.True(t, want[name], name)
		}
	}
}

// A lavaRecord is a line of lava-run's log.
type lavaRecord struct {
	Level string    `yaml:"lvl"`
	Msg   yaml.Node `yaml:"msg"`
}

// TestLAVARun runs the job by the real lava-run, in LAVA's own template of a QEMU, and
// holds its results against the report in its log.
func TestLAVARun(t *testing.T) {
	lava := os.Getenv("VMSPEC_LAVA")
	if lava == "" {
		t.Skip("runs LAVA's dispatcher: make consumers sets VMSPEC_LAVA")
	}
	for _, name := range []string{"qemu-virt", "qemu-virt-uefi"} {
		t.Run(name, func(t *testing.T) {
			needBoot(t)
			_, job, stderr := vmspec(t, "lava", name, "--guest", filepath.Join("..", "..", "build", "arm64"), "--timeout", patience.String())
			require.Empty(t, stderr)
			log := runLAVA(t, lava, job)
			got := lavaCases(t, log)
			status, text, _ := vmspec(t, "report", "--format", "tap", save(t, log))
			report := parse(t, text)
			want := map[string]string{"verdict": lavaResults[string(status)]}
			for _, p := range report.Points {
				want[lavaName(p.ID)] = asLAVA[p.Verdict]
			}
			require.Equal(t, want, got)
			require.Equal(t, fails[name], unmet(report))
		})
	}
}

// runLAVA runs a job, and returns the log.
func runLAVA(t *testing.T, lava, job string) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
		return file
	}
	definition := write("job.yaml", job)
	device, err := exec.Command(filepath.Join(lava, "lava-device"), definition).Output()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), filepath.Join(lava, "lava-run"), "--job-id", "1", "--output-dir", filepath.Join(dir, "out"),
		"--device", write("device.yaml", string(device)), "--dispatcher", write("dispatcher.yaml", "{}\n"), definition)
	log, err := cmd.CombinedOutput()
	require.NoError(t, err, string(log))
	return string(log)
}

// lavaCases are the results that LAVA took from the monitor.
func lavaCases(t *testing.T, log string) map[string]string {
	t.Helper()
	cases := map[string]string{}
	for line := range strings.Lines(log) {
		var r lavaRecord
		require.NoError(t, yaml.Unmarshal([]byte(strings.TrimPrefix(line, "- ")), &r), line)
		if r.Level != "results" {
			continue
		}
		var c struct{ Definition, Case, Result string }
		require.NoError(t, r.Msg.Decode(&c))
		if c.Definition == "vmspec" {
			require.NotContains(t, cases, c.Case)
			cases[c.Case] = c.Result
		}
	}
	return cases
}
