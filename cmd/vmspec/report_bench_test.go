package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"
)

// A benchForm is what logs look like: of the lines of a log, the one numbered n.
type benchForm struct {
	name string
	log  string // whose lines come again and again: kernel, whole, report, damaged
	line func(n int, text string) string
}

var benchForms = []benchForm{
	{"plain", "kernel", func(_ int, l string) string { return l[min(len(l), len("[    0.000000] ")):] }},
	{"kernel times", "kernel", asItIs},
	{"prefix and time", "kernel", prefixed},
	{"colours", "kernel", func(_ int, l string) string { return "\x1b[0;32m[  OK  ]\x1b[0m Started \x1b[0;1;39m" + l + "\x1b[0m." }},
	{"screens", "kernel", func(int, string) string { return strings.Repeat("\x1b[2J\x1b[01;01H\x1b[=3h", 20) }},
	{"docker", "whole", func(_ int, l string) string { return `{"log":` + inJSON(l+"\r\n") + `,"stream":"stdout"}` }},
	{"journald", "whole", func(_ int, l string) string {
		return `{"_HOSTNAME":"host","SYSLOG_IDENTIFIER":"vm1","MESSAGE":` + inJSON(l) + `,"_PID":"812"}`
	}},
	{"journald, bytes", "kernel", func(_ int, l string) string {
		return `{"MESSAGE":` + strings.Join(strings.Fields(fmt.Sprint([]byte(l))), ",") + `}`
	}},
	{"LAVA", "whole", func(_ int, l string) string {
		return `- {"dt": "2026-11-25T06:50:01.123456", "lvl": "target", "msg": ` + inJSON(l) + `}`
	}},
	{"go test -json", "whole", func(_ int, l string) string {
		return `{"Action":"output","Package":"example.com/vm","Test":"TestVM","Output":` + inJSON(l+"\n") + `}`
	}},
	{"asciinema", "whole", func(_ int, l string) string { return `[1.25, "o", ` + inJSON(l+"\r\n") + `]` }},
	{"HTML", "whole", func(_ int, l string) string { return `<span class="l">` + html.EscapeString(l) + "</span>" }},
	{"whole logs", "whole", asItIs},
	{"reports only", "report", asItIs},
	{"reports behind a prefix", "report", prefixed},
	{"two interleaved", "whole", func(n int, l string) string { return fmt.Sprintf("vm%d | %s\nvm%d | %s", n%2+1, l, 2-n%2, l) }},
	{"damaged", "damaged", asItIs},
	{"first lines", "whole", func(int, string) string { return "TAP version 13" }},
	{"first lines behind a prefix", "whole", func(n int, _ string) string { return prefixed(n, "TAP version 13") }},
	{"broken frames", "kernel", func(n int, _ string) string {
		return fmt.Sprintf("# v1 5ca1ab1e %d/53 00000000 %s", n%53+1, strings.Repeat("QUJDRA==", 10))
	}},
}

func asItIs(_ int, l string) string { return l }

func prefixed(n int, l string) string {
	return fmt.Sprintf("Nov 25 06:%02d:%02d farm vm1[812]: %s", n/60%60, n%60, l)
}

func inJSON(text string) string {
	out, _ := json.Marshal(text) // a string can always be written
	return string(out)
}

// benchLogs are the lines of which forms are made.
func benchLogs(t testing.TB) map[string][]string {
	t.Helper()
	stored := filepath.Join("..", "..", "results", "testdata")
	damaged, err := filepath.Glob(filepath.Join(stored, "logs", "*.log"))
	require.NoError(t, err)
	require.NotEmpty(t, damaged)
	lines := func(names ...string) (all []string) {
		for _, name := range names {
			data, err := os.ReadFile(name)
			require.NoError(t, err)
			all = append(all, strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")...)
		}
		return all
	}
	logs := map[string][]string{"whole": lines(filepath.Join(stored, "qemu-virt-uefi.log")), "damaged": lines(damaged...)}
	for n, l := range logs["whole"] {
		if strings.HasPrefix(l, "[ ") {
			logs["kernel"] = append(logs["kernel"], l)
		}
		if strings.TrimRight(l, "\r") == "TAP version 13" {
			logs["report"] = logs["whole"][n:]
		}
	}
	return logs
}

// of makes a log of a form, of so many bytes.
func (f benchForm) of(lines []string, size int) []byte {
	var log bytes.Buffer
	for n := 0; log.Len() < size; n++ {
		log.WriteString(f.line(n, strings.TrimRight(lines[n%len(lines)], "\r")) + "\r\n")
	}
	return log.Bytes()
}

// ownCPU is how much time this process has had.
func ownCPU(t testing.TB) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// reportOn is all that vmspec report does.
func reportOn(t testing.TB, name string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), []string{"report", name}, &stdout, &stderr)
	require.NotEqual(t, unusable, status, stderr.String())
}

// BenchmarkReport reads logs of every form. MB/s is by the clock; MB/cpu-s is by
// the time that the process had, and tells on a busy machine too.
func BenchmarkReport(b *testing.B) {
	const size = 16 << 20
	logs := benchLogs(b)
	for _, f := range benchForms {
		b.Run(f.name, func(b *testing.B) {
			log := f.of(logs[f.log], size)
			name := filepath.Join(b.TempDir(), "a.log")
			require.NoError(b, os.WriteFile(name, log, 0o644))
			benchmarkReport(b, name, len(log))
		})
	}
	for name, pack := range packers {
		b.Run(name, func(b *testing.B) {
			log := benchForms[1].of(logs["kernel"], size)
			file := filepath.Join(b.TempDir(), "a.log."+name)
			require.NoError(b, os.WriteFile(file, packed(b, pack, log), 0o644))
			benchmarkReport(b, file, len(log))
		})
	}
}

// packers write what logs are packed in.
var packers = map[string]func(w io.Writer) (io.WriteCloser, error){
	"gzip":  func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
	"xz":    func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) },
	"zstd":  func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
	"lz4":   func(w io.Writer) (io.WriteCloser, error) { return lz4.NewWriter(w), nil },
	"bzip2": packByBzip2,
}

// packByBzip2 packs by bzip2's program: its format has no writer in Go's library.
func packByBzip2(w io.Writer) (io.WriteCloser, error) {
	cmd := exec.Command("bzip2", "-c")
	cmd.Stdout = w
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	return ended{in, cmd}, err
}

type ended struct {
	io.WriteCloser
	cmd *exec.Cmd
}

func (e ended) Close() error { return errors.Join(e.WriteCloser.Close(), e.cmd.Wait()) }

func packed(t testing.TB, pack func(io.Writer) (io.WriteCloser, error), log []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := pack(&out)
	require.NoError(t, err)
	_, err = w.Write(log)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func benchmarkReport(b *testing.B, name string, size int) {
	b.Helper()
	b.SetBytes(int64(size))
	before, times := ownCPU(b), 0
	for b.Loop() {
		reportOn(b, name)
		times++
	}
	b.ReportMetric(float64(size)*float64(times)/1e6/(ownCPU(b)-before).Seconds(), "MB/cpu-s")
}

// What is read of a log of any form is not kept: four times the log takes no more
// memory in all than twice as much and some megabytes.
func TestReportKeepsNothing(t *testing.T) {
	logs := benchLogs(t)
	for _, f := range benchForms {
		t.Run(f.name, func(t *testing.T) {
			const size = 1 << 20
			few, many := f.of(logs[f.log], size), f.of(logs[f.log], 4*size)
			require.LessOrEqual(t, keptOf(t, many), 2*keptOf(t, few)+4<<20)
		})
	}
}

// However often a report begins, little is made of each line: less than so many times the
// log is allocated in all.
func TestReportMakesLittle(t *testing.T) {
	logs := benchLogs(t)
	for _, f := range benchForms {
		t.Run(f.name, func(t *testing.T) {
			const times = 100
			log := f.of(logs[f.log], 1<<20)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := readLog(bytes.NewReader(log), "a.log", "")
			runtime.ReadMemStats(&after)
			require.NoError(t, err)
			made := (after.TotalAlloc - before.TotalAlloc) / uint64(len(log))
			t.Logf("%d times the log", made)
			require.Less(t, made, uint64(times))
		})
	}
}

// keptOf is how much memory the reader of a log holds when it has read it.
func keptOf(t *testing.T, log []byte) int64 {
	t.Helper()
	before := heapNow()
	read, err := readLog(bytes.NewReader(log), "a.log", "")
	require.NoError(t, err)
	kept := heapNow() - before
	require.NotEmpty(t, read.name)
	return kept
}

// A directory of a thousand logs of 60 KB, as a farm has in the morning.
func BenchmarkReportDirectory(b *testing.B) {
	dir := b.TempDir()
	log := strings.Join(benchLogs(b)["whole"], "\n")
	for n := range 1000 {
		require.NoError(b, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.log", n)), []byte(log), 0o644))
	}
	benchmarkReport(b, dir, 1000*len(log))
}

// heapNow is how much memory is in use.
func heapNow() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
