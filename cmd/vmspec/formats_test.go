package main

import (
	"encoding/json"
	"encoding/xml"
	"html"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results"
)

// fiveLogs are reports of several kinds: not conformant, conformant with frames,
// by a wrong parameter and with an image, damaged and repaired, and of several
// versions of the suite.
var fiveLogs = []string{"qemu-virt-gicv2.tap", "qemu-virt-uefi-gicv3.tap", "qemu-virt-uefi.log", "wrong-parameter.tap", "logs/consoles-64.log"}

// A readBack is what a format says of a log, read back from it.
type readBack struct {
	Counts  results.Counts
	Verdict string   // in the words of a sentence
	Failed  []string // IDs
}

// formatReaders read the formats back, each by a reader of its own.
var formatReaders = map[string]func(*testing.T, string) readBack{
	"tap": readTAP, "text": readText, "markdown": readMarkdown, "github": readGitHub,
	"json": readJSON, "junit": readJUnit, "html": readHTML,
}

// Each format counts as the others do.
func TestFormatsAgree(t *testing.T) {
	t.Setenv(stepSummary, "")
	commands := map[string][]string{"a capture with errors": {"judge", filepath.Join("..", "..", "probes", "testdata", "guests", "qemu-virt-gicv2.tar.gz")}}
	for _, name := range fiveLogs {
		commands[name] = []string{"report", filepath.Join("..", "..", "results", "testdata", name)}
	}
	for name, args := range commands {
		t.Run(name, func(t *testing.T) {
			first, stdout, _ := vmspec(t, append(args, "--format", "tap")...)
			want := readTAP(t, stdout)
			slices.Sort(want.Failed)
			require.Positive(t, want.Counts.Points)
			require.Positive(t, want.Counts.Passed)
			for format, read := range formatReaders {
				status, stdout, _ := vmspec(t, append(args, "--format", format)...)
				require.Equal(t, first, status, format)
				got := read(t, stdout)
				slices.Sort(got.Failed) // text has them by what explains them
				require.Equal(t, want, got, format)
			}
		})
	}
}

// counted counts outcomes by their words.
func counted(t *testing.T, words []string) (c results.Counts) {
	t.Helper()
	for _, word := range words {
		c.Points++
		switch word {
		case "passed":
			c.Passed++
		case "failed":
			c.Failed++
		case "missed":
			c.Missed++
		case "noted":
			c.Noted++
		case "error":
			c.Errors++
		case "skipped":
			c.Skipped++
		default:
			require.Fail(t, "no outcome", word)
		}
	}
	return c
}

var pointOfTAP = regexp.MustCompile(`^(not )?ok \d+ - (\S+)[^#]*(?:# (\S+) ?(.*))?$`)

func readTAP(t *testing.T, text string) (d readBack) {
	var outcomes []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if m := pointOfTAP.FindStringSubmatch(line); m != nil {
			outcome := map[string]string{"": "passed", "SKIP": "skipped", "ERROR": "error", "TODO": "missed"}[m[3]]
			if m[3] == "" && m[1] != "" {
				outcome = "failed"
				d.Failed = append(d.Failed, m[2])
			}
			if m[3] == "TODO" && m[4] == "info" {
				outcome = "noted"
			}
			outcomes = append(outcomes, outcome)
		}
		if _, verdict, found := strings.Cut(line, ", by rfc-v2: "); found && d.Verdict == "" {
			d.Verdict = strings.ReplaceAll(verdict, "-", " ")
		}
	}
	d.Counts = counted(t, outcomes)
	return d
}

var countsText = regexp.MustCompile(`(?m)^(\d+) points: ((?:, |\d+ (?:passed|failed|missed|noted|in error|skipped))+)`)

// readCounts reads a line such as "88 points: 4 failed, 84 passed".
func readCounts(t *testing.T, text string) (d readBack) {
	m := countsText.FindStringSubmatch(text)
	require.NotNil(t, m, text)
	var outcomes []string
	for part := range strings.SplitSeq(m[2], ", ") {
		number, word, _ := strings.Cut(part, " ")
		n, err := strconv.Atoi(number)
		require.NoError(t, err)
		for range n {
			outcomes = append(outcomes, strings.TrimPrefix(word, "in "))
		}
	}
	d.Counts = counted(t, outcomes)
	require.Equal(t, m[1], strconv.Itoa(d.Counts.Points))
	return d
}

// The text names what failed, and beneath it what failed with it.
func readText(t *testing.T, text string) readBack {
	d := readCounts(t, text)
	require.NotContains(t, text, "\x1b")
	unwrapped := regexp.MustCompile(`\n {9}`).ReplaceAllString(text, " ")
	failed := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^(?:failed   (\S+)| also    failed, since they rest on it: (.*))`).FindAllStringSubmatch(unwrapped, -1) {
		for id := range strings.SplitSeq(m[1]+m[2], ", ") {
			failed[id] = true
		}
	}
	require.Len(t, failed, d.Counts.Failed)
	blocks := strings.Split(strings.TrimSpace(text), "\n\n")
	d.Verdict, _, _ = strings.Cut(blocks[len(blocks)-1], ":")
	for id := range failed {
		d.Failed = append(d.Failed, id)
	}
	return d
}

var (
	markdownRow     = regexp.MustCompile(`(?m)^\| \S+ (\w+) \| ([A-Z0-9-]+) \| (\S+) \|`)
	markdownVerdict = regexp.MustCompile(`(?m)^## \S+ .*: (.+)$`)
)

func readMarkdown(t *testing.T, text string) readBack {
	d := readCounts(t, text)
	var outcomes []string
	for _, m := range markdownRow.FindAllStringSubmatch(text, -1) {
		outcomes = append(outcomes, m[1])
		if m[1] == "failed" {
			d.Failed = append(d.Failed, m[2])
		}
	}
	require.Equal(t, d.Counts, counted(t, outcomes))
	d.Verdict = strings.ToLower(markdownVerdict.FindStringSubmatch(text)[1])
	return d
}

// The annotations name what failed by itself, and what could not be told: of what
// follows from a failure they say nothing.
func readGitHub(t *testing.T, text string) readBack {
	d := readMarkdown(t, text)
	told := 0
	for _, m := range regexp.MustCompile(`(?m)^::error .*title=([A-Z0-9-]+) .*?::(.*)`).FindAllStringSubmatch(text, -1) {
		if !strings.HasPrefix(m[2], "in error (must): ") {
			require.Contains(t, d.Failed, m[1])
			told++
		}
	}
	require.Equal(t, d.Counts.Failed > 0, told > 0)
	return d
}

func readJSON(t *testing.T, text string) (d readBack) {
	var doc struct {
		Verdict string `json:"verdict"`
		Reports []struct {
			Verdict string         `json:"verdict"`
			Counts  results.Counts `json:"counts"`
			Points  []struct{ ID, Outcome string }
		} `json:"reports"`
	}
	require.NoError(t, json.Unmarshal([]byte(text), &doc))
	require.Len(t, doc.Reports, 1)
	require.Equal(t, doc.Verdict, doc.Reports[0].Verdict)
	d.Verdict = strings.ReplaceAll(doc.Verdict, "-", " ")
	var outcomes []string
	for _, p := range doc.Reports[0].Points {
		outcomes = append(outcomes, p.Outcome)
		if p.Outcome == "failed" {
			d.Failed = append(d.Failed, p.ID)
		}
	}
	d.Counts = counted(t, outcomes)
	require.Equal(t, d.Counts, doc.Reports[0].Counts)
	return d
}

// A junitFile is what viewers read.
type junitFile struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
	Suites   []struct {
		Cases []struct {
			Name    string     `xml:"name,attr"`
			Class   string     `xml:"classname,attr"`
			Status  string     `xml:"status,attr"`
			Failure *junitSaid `xml:"failure"`
			Error   *junitSaid `xml:"error"`
			Skipped *junitSaid `xml:"skipped"`
			Out     string     `xml:"system-out"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

type junitSaid struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func readJUnit(t *testing.T, text string) (d readBack) {
	var doc junitFile
	require.NoError(t, xml.Unmarshal([]byte(text), &doc))
	var outcomes []string
	var failures, errors, skipped int
	for _, c := range doc.Suites[0].Cases {
		failures += map[bool]int{c.Failure != nil: 1}[true]
		errors += map[bool]int{c.Error != nil: 1}[true]
		skipped += map[bool]int{c.Skipped != nil: 1}[true]
		if c.Name == results.VerdictCase {
			d.Verdict = strings.ReplaceAll(c.Status, "-", " ")
			continue
		}
		outcomes = append(outcomes, c.Status)
		if c.Failure != nil {
			d.Failed = append(d.Failed, c.Name)
		}
		require.Equal(t, c.Status == "failed", c.Failure != nil, c.Name)
	}
	d.Counts = counted(t, outcomes)
	require.Equal(t, []int{d.Counts.Points + 1, failures, errors, skipped}, []int{doc.Tests, doc.Failures, doc.Errors, doc.Skipped})
	return d
}

var (
	htmlOutcome = regexp.MustCompile(`data-id="([A-Z0-9-]+)" data-outcome="(\w+)"`)
	htmlVerdict = regexp.MustCompile(`<strong class="verdict [a-z-]+"><span.*</span>([^<]*)</strong>`)
)

func readHTML(t *testing.T, text string) readBack {
	d := readCounts(t, regexp.MustCompile(`(?m)^.*<p class="counts">`).ReplaceAllString(text, ""))
	var outcomes []string
	for _, m := range htmlOutcome.FindAllStringSubmatch(text, -1) {
		outcomes = append(outcomes, m[2])
		if m[2] == "failed" {
			d.Failed = append(d.Failed, m[1])
		}
	}
	require.Equal(t, d.Counts, counted(t, outcomes))
	d.Verdict = strings.ToLower(html.UnescapeString(htmlVerdict.FindStringSubmatch(text)[1]))
	return d
}
