package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"vmspec/probes"
	"vmspec/probes/guest"
	"vmspec/results/report"
	"vmspec/suite"
)

// TestMain lets scripts run vmspec, and fake-qemu in QEMU's place.
func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){
		"vmspec":       main,
		"fake-qemu":    func() { os.Exit(fakeQEMU(os.Args[1:], os.Stdout, os.Stderr)) },
		"fake-console": func() { os.Exit(fakeConsole(os.Args[1:], os.Stderr)) },
	})
}

// tests removes what several of them share when all have ended.
type tests struct{ *testing.M }

func (t tests) Run() int {
	defer removeFaulty()
	return t.M.Run()
}

// TestScript runs the scripts of testdata/script. They find stored reports in
// $REPORTS, captured guests in $GUESTS, scripts of the shell in
// $CI and $ADAPTERS, and a QEMU that only pretends in $WORK/bin, which is first in
// PATH.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setUp,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": cmdStatus,
			"wire":   cmdWire,
			"seal":   cmdSeal,
			"gone":   cmdGone,
			"await":  cmdAwait,
			"image":  cmdImage,
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "boot":
				return os.Getenv("VMSPEC_BOOT") != "", nil
			case "mount": // in a namespace of one's own
				return exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "x", "/mnt").Run() == nil, nil
			}
			return false, fmt.Errorf("no condition %q", cond)
		},
	})
}

func setUp(env *testscript.Env) error {
	for name, dir := range map[string]string{
		"REPORTS":  filepath.Join("..", "..", "results", "testdata"),
		"GUESTS":   filepath.Join("..", "..", "probes", "testdata", "guests"),
		"CI":       filepath.Join("..", "..", ".ci"),
		"ADAPTERS": "adapters",
	} {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return err
		}
		env.Setenv(name, abs)
	}
	bin := filepath.Join(env.WorkDir, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	const qemu = "#!/bin/sh\nexec fake-qemu \"$@\"\n"
	if err := os.WriteFile(filepath.Join(bin, "qemu-system-aarch64"), []byte(qemu), 0o755); err != nil {
		return err
	}
	program, err := exec.LookPath("vmspec")
	env.Setenv("VMSPEC", program) // for scripts that change PATH
	env.Setenv("PATH", bin+string(filepath.ListSeparator)+env.Getenv("PATH"))
	return err
}

// cmdStatus is "status N COMMAND": the command must end with this exit status,
// and whatever it was, not by a panic.
func cmdStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N command [args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	for _, stream := range []string{"stdout", "stderr"} {
		if text := ts.ReadFile(stream); strings.Contains(text, "goroutine ") || strings.Contains(text, "panic:") {
			ts.Fatalf("%s shows a panic", stream)
		}
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// cmdWire is "wire GUEST FILE": all that a captured guest would write, with
// itself behind its report.
func cmdWire(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: wire guest file")
	}
	capture, err := os.Open(filepath.Join(ts.Getenv("GUESTS"), args[0]+".tar.gz"))
	ts.Check(err)
	defer capture.Close()
	files, err := guest.ReadCapture(capture)
	ts.Check(err)
	judged := suite.Judge(probes.Read(files))
	var again bytes.Buffer
	ts.Check(files.WriteCapture(&again))
	wire := judged.Report().Wire(judged.Settings.Frames)
	text := written(append(wire, report.CaptureFrames(judged.Settings.Nonce, again.Bytes())...))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o644))
}

// cmdSeal is "seal FILE": the report in it gets the end line that fits.
func cmdSeal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: seal file")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(seal(ts.ReadFile(args[0]))), 0o644))
}

var (
	pointLine = regexp.MustCompile(`(?m)^(not )?ok \d+ `)
	nonceWord = regexp.MustCompile(`(?m)nonce=(\S+)$`)
)

// seal returns a report with its end line made anew, or added.
func seal(report string) string {
	before, _, _ := strings.Cut(report, "# vmspec: end ")
	return fmt.Sprintf("%s# vmspec: end points=%d sha256=%x nonce=%s\n", before,
		len(pointLine.FindAllString(before, -1)), sha256.Sum256([]byte(before)), nonceWord.FindStringSubmatch(before)[1])
}

// cmdGone is "gone FILE": the process whose id is in the file has ended, or
// does so within seconds.
func cmdGone(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: gone file")
	}
	pid, err := strconv.Atoi(strings.TrimSpace(ts.ReadFile(args[0])))
	ts.Check(err)
	eventually(ts, fmt.Sprintf("process %d is still there", pid), func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		_, state, _ := strings.Cut(string(stat), ") ")
		zombie := err == nil && strings.HasPrefix(state, "Z")
		return zombie || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
	})
}

// cmdAwait is "await FILE": the file is there and not empty, or soon is.
func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await file")
	}
	eventually(ts, args[0]+" is not there", func() bool {
		info, err := os.Stat(ts.MkAbs(args[0]))
		return err == nil && info.Size() > 0
	})
}

func eventually(ts *testscript.TestScript, problem string, done func() bool) {
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("%s", problem)
		}
	}
}

// fakeQEMU prints the report in $FAKE_REPORT with the nonce that -append or
// -smbios asks for, the last as in the guest, and fills the file of a capture with that of
// $FAKE_CAPTURE, if it is set. Its arguments go to $FAKE_ARGS, one a line, and behind them
// what its environment tells glibc.
func fakeQEMU(args []string, stdout, stderr io.Writer) int {
	if name := os.Getenv("FAKE_ARGS"); name != "" {
		if err := os.WriteFile(name, []byte(strings.Join(append(args, os.Getenv("GLIBC_TUNABLES")), "\n")+"\n"), 0o644); err != nil {
			fmt.Fprintln(stderr, err)
			return 1
		}
	}
	report, err := os.ReadFile(os.Getenv("FAKE_REPORT"))
	if err != nil {
		fmt.Fprintln(stderr, "fake-qemu:", err)
		return 1
	}
	nonce := "-"
	for at, option := range args {
		if option == "-append" {
			nonce = "-" // of two QEMU takes the last
		} else if option != "-smbios" {
			continue
		}
		for word := range strings.FieldsSeq(strings.ReplaceAll(args[at+1], ",value=", " ")) {
			if value, ok := strings.CutPrefix(word, "vmspec.nonce="); ok {
				nonce = value
			}
		}
	}
	fmt.Fprint(stdout, "[    0.000000] Booting Linux\r\n",
		strings.ReplaceAll(seal(nonceWord.ReplaceAllLiteralString(string(report), "nonce="+nonce)), "\n", "\r\n"),
		"[    1.000000] reboot: Power down\r\n")
	for _, a := range args {
		if _, path, ok := strings.Cut(a, "id=capture,path="); ok && os.Getenv("FAKE_CAPTURE") != "" {
			path = strings.ReplaceAll(path, ",,", ",")
			capture, err := os.ReadFile(os.Getenv("FAKE_CAPTURE"))
			if err == nil {
				err = os.WriteFile(path, capture, 0o644)
			}
			if err != nil {
				fmt.Fprintln(stderr, err)
				return 1
			}
		}
	}
	return 0
}
