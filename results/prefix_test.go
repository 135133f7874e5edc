package results_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vmspec/results"
)

// loggers are what others write before each line of a console, and what names
// the source in it. %T is the time in a layout of Go's, %N the line's number,
// %S the VM's.
var loggers = []struct {
	name, format, layout string
	step                 time.Duration // from line to line; 7 ms if zero
	source               string        // of VM 1
}{
	{name: "docker compose", format: "vm%S-1  | ", source: "vm1-1 |"},
	{name: "docker compose, times", format: "vm%S-1  | %T ", layout: time.RFC3339Nano, source: "vm1-1 |"},
	{name: "kubectl --prefix", format: "[pod/vm%S/guest] ", source: "[pod/vm1/guest]"},
	{name: "kubectl --prefix --timestamps", format: "[pod/vm%S/guest] %T ", layout: time.RFC3339Nano, source: "[pod/vm1/guest]"},
	{name: "CRI", format: "%T stdout F vm%S: ", layout: "2006-01-02T15:04:05.000000000Z07:00", source: "stdout F vm1:"},
	{name: "journald, short", format: "%T host vm%S[812]: ", layout: "Jan 02 15:04:05", source: "host vm1[812]:"},
	{name: "journald, short, one process each", format: "%T host qemu[81%S]: ", layout: "Jan 02 15:04:05", source: "host qemu[811]:"},
	{name: "journald, short-precise", format: "%T host vm%S[812]: ", layout: "Jan 02 15:04:05.000000", source: "host vm1[812]:"},
	{name: "journald, short-iso", format: "%T host vm%S[812]: ", layout: "2006-01-02T15:04:05-0700", source: "host vm1[812]:"},
	{name: "journald, short-full", format: "%T host vm%S[812]: ", layout: "Mon 2006-01-02 15:04:05 MST", source: "UTC host vm1[812]:"},
	{name: "journald, short-unix", format: "%U.123456 host vm%S[812]: ", source: "host vm1[812]:"},
	{name: "journald, short-monotonic", format: "[%M] host vm%S[812]: ", source: "[ ] host vm1[812]:"},
	{name: "journald, verbose", format: "    MESSAGE=", source: "MESSAGE="},
	{name: "rsyslog", format: "%T node%S qemu: ", layout: "2006-01-02T15:04:05.000000-07:00", source: "node1 qemu:"},
	{name: "rsyslog, from the journal", format: "%T host vm%S[812]: ", layout: time.Stamp, source: "host vm1[812]:"},
	{name: "syslog", format: "<30>%T farm-%S qemu[77]: ", layout: time.Stamp, source: "<30> farm-1 qemu[77]:"},
	{name: "KernelCI", format: "%T  ", layout: "15:04:05", source: ""},
	{name: "Jenkins", format: "[%T] ", layout: "2006-01-02T15:04:05.000Z", source: ""},
	{name: "Jenkins, two spaces", format: "%T  ", layout: "15:04:05", step: time.Second},
	{name: "NixOS", format: "vm%S # ", source: "vm1 #"},
	{name: "NixOS, kernel's time", format: "vm%S # [%M] ", source: "vm1 # [ ]"},
	{name: "Zuul", format: "%T | node%S | ", layout: "2006-01-02 15:04:05.000000", source: "| node1 |"},
	{name: "GitHub", format: "%T ", layout: "2006-01-02T15:04:05.0000000Z"},
	{name: "GitLab", format: "%T 0%SO ", layout: "2006-01-02T15:04:05.000000Z"},
	{name: "cat -n", format: "%6N\t"},
	{name: "cat -n of two", format: "%6N\tvm%S: ", source: "vm1:"},
	{name: "nl", format: "%6N  "},
	{name: "grep -n", format: "%N:"},
	{name: "grep -Hn", format: "console-%S.log:%N:", source: "console-1.log::"},
	{name: "a number and a point", format: "%N."},
	{name: "left-aligned", format: "%-6N| "},
	{name: "left-aligned, without a mark", format: "%-6N  "},
	{name: "seconds since 1970", format: "%U ", step: time.Second},
	{name: "small seconds", format: "[%N] vm%S: ", source: "[] vm1:"},
	{name: "ts -s", format: "%T ", layout: "15:04:05", step: time.Second},
	{name: "durations", format: "+%D vm%S> ", step: 333 * time.Millisecond},
	{name: "multilog", format: "@4000000065623a1c%xN "},
	{name: "logcat", format: "%T  1234  567%S I console: ", layout: "01-02 15:04:05.000"},
	{name: "Apache's time", format: "[%T] vm%S ", layout: "02/Jan/2006:15:04:05 -0700"},
	{name: "an address", format: "10.0.0.%S: ", source: "10.0.0.1:"},
	{name: "a MAC address", format: "52:54:00:12:34:5%S ", source: "52:54:00:12:34:51"},
	{name: "a UUID", format: "3f9a52c1-77aa-4b6e-9d0c-0123456789a%S ", source: "3f9a52c1-77aa-4b6e-9d0c-0123456789a1"},
	{name: "twelve hours", format: "%T vm%S: ", layout: "3:04:05 PM", step: time.Minute},
	{name: "over midnight", format: "%T vm%S: ", layout: "Mon Jan _2 15:04:05", step: time.Hour},
	{name: "Xen", format: "(XEN) DOM%S: ", source: "(XEN) DOM1:"},
	{name: "Xen, times", format: "(XEN) [%M] DOM%S: ", source: "(XEN) [ ] DOM1:"},
	{name: "no ASCII", format: "машина%S » "},
	{name: "a bracket in colour", format: "\x1b[36mvm%S\x1b[0m | ", source: "vm1 |"},
}

// A logger writes prefixes.
type logger struct {
	name, format, layout string
	step                 time.Duration
	vm, line             int
}

func (l *logger) prefix() string {
	step := l.step
	if step == 0 {
		step = 7 * time.Millisecond
	}
	l.line++
	since := time.Duration(l.line) * step
	at := time.Date(2026, 11, 29, 6, 50, 58, 0, time.UTC).Add(since)
	out := strings.NewReplacer("%T", at.Format(l.layout), "%U", fmt.Sprint(at.Unix()), "%M", fmt.Sprintf("%5d.%06d", int(since.Seconds())+12, since.Microseconds()%1e6),
		"%D", since.String(), "%S", fmt.Sprint(l.vm),
		"%N", fmt.Sprint(l.line), "%6N", fmt.Sprintf("%6d", l.line), "%-6N", fmt.Sprintf("%-6d", l.line), "%xN", fmt.Sprintf("%08x", l.line*7919)).Replace(l.format)
	return out
}

// prefixed puts a logger's prefixes before each line of a log.
func (l *logger) prefixed(log string) string {
	var out strings.Builder
	for line := range strings.Lines(log) {
		out.WriteString(l.before(line) + line)
	}
	return out.String()
}

// before is what rsyslog writes before a line: a blank only before a text that has
// none. Others write what they write.
func (l *logger) before(line string) string {
	prefix := l.prefix()
	if l.name == "rsyslog, from the journal" && strings.HasPrefix(line, " ") {
		return strings.TrimSuffix(prefix, " ")
	}
	return prefix
}

// An undamaged log is read as it is, whatever stands before its lines, with its
// frames and without.
func TestPrefix(t *testing.T) {
	log := guestLog(t)
	frames := strings.Index(log, "# v1 ")
	truth := parsed(t, log)
	for _, c := range loggers {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := logger{c.name, c.format, c.layout, c.step, 1, 8}
			for _, part := range []string{log, log[:frames]} {
				r := parsed(t, "noise\n"+l.prefixed("[    0.000000] Booting Linux on physical CPU 0x0\n# vmspec: init 0.1.0 started\n"+part))
				require.Equal(t, truth.Lines, r.Lines)
				require.Empty(t, r.Repaired)
				require.NotEmpty(t, r.Prefix)
				if c.source != "" {
					require.Equal(t, c.source, r.Source)
				}
			}
			damaged := strings.Replace(log, "\nok 29 ", "\nno 29 ", 1)
			l.line = 8
			r := parsed(t, l.prefixed(damaged))
			require.Equal(t, truth.Lines, r.Lines)
			require.Contains(t, r.Repaired, "1 of its ")
			l.line = 8
			r = parsed(t, l.prefixed(log[frames:]))
			require.Equal(t, truth.Lines, r.Lines)
			require.Equal(t, "the whole report", r.Repaired)
		})
	}
}

// Two VMs behind a logger, line by line, with their frames, without them, and
// with nothing but them; one conformant, one not.
func TestPrefixOfTwo(t *testing.T) {
	one, other := guestLog(t), secondLog(t)
	text := func(log string) string { return log[:strings.Index(log, "# v1 ")] }
	frames := func(log string) string { return log[strings.Index(log, "# v1 "):] }
	for _, c := range loggers {
		if !strings.Contains(c.format, "%S") {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			truth, second := parsed(t, one), parsed(t, other)
			for name, logs := range map[string][2]string{
				"whole":  {one, other},
				"text":   {text(one), text(other)},
				"frames": {frames(one), frames(other)},
			} {
				reports := byTurns(t, logger{c.name, c.format, c.layout, c.step, 1, 0}, logs[0], logs[1])
				require.Len(t, reports, 2, name)
				bySource := map[string]*results.Report{reports[0].Source: reports[0], reports[1].Source: reports[1]}
				require.Len(t, bySource, 2, name)
				for _, r := range reports {
					want := truth
					if strings.Join(r.Lines, "\n") != strings.Join(truth.Lines, "\n") {
						want = second
					}
					require.Equal(t, want.Lines, r.Lines, name)
					require.Equal(t, name == "frames", r.Repaired != "", name)
				}
				if c.source != "" {
					require.NotNil(t, bySource[c.source], name)
					require.Equal(t, truth.Lines, bySource[c.source].Lines, name)
				}
			}
		})
	}
}

// woven2 parses two logs, line by line in turn, behind a logger.
func byTurns(t *testing.T, l logger, one, other string) []*results.Report {
	var p results.Parser
	a, b := strings.SplitAfter(one, "\n"), strings.SplitAfter(other, "\n")
	for n := range max(len(a), len(b)) {
		for vm, lines := range [][]string{a, b} {
			if n < len(lines) && lines[n] != "" {
				l.vm = vm + 1
				p.Line(l.before(lines[n]) + strings.TrimSuffix(lines[n], "\n"))
			}
		}
	}
	reports, traces := p.Reports()
	require.Empty(t, traces)
	return reports
}

// secondLog is a log of a guest with the same nonce whose report says otherwise.
func secondLog(t *testing.T) string {
	r := parsed(t, guestLog(t))
	r.Points[len(r.Points)-1].Found = "another VM's"
	lines := r.Report.Wire(2)
	return logOf(lines...)
}

// Forty VMs of one configuration, line by line: of each the report, its frames,
// and a line that was lost.
func TestPrefixOfMany(t *testing.T) {
	const vms = 40
	log := guestLog(t)
	truth := parsed(t, log)
	lost := strings.Replace(log, "\nok 29 ", "\n? 29 ", 1)
	var p results.Parser
	whole, damaged := strings.Split(log, "\n"), strings.Split(lost, "\n")
	for n := range whole {
		for vm := range vms {
			line := whole[n]
			if vm%2 == 1 {
				line = damaged[n]
			}
			p.Line(fmt.Sprintf("%06d host vm[%d]: %s", n, 800+vm, line))
		}
	}
	reports, traces := p.Reports()
	require.Empty(t, traces)
	require.Len(t, reports, vms)
	repaired := 0
	for _, r := range reports {
		require.Equal(t, truth.Lines, r.Lines)
		if r.Repaired != "" {
			repaired++
			require.Equal(t, "1 of its 365 lines, of PLAT-GIC", r.Repaired)
		}
	}
	require.Equal(t, vms/2, repaired)
}
