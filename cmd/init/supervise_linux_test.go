package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vmspec/probes/trial"
	"vmspec/results"
	"vmspec/suite"
)

// TestMain lets this program be the worker that the supervisor starts.
func TestMain(m *testing.M) {
	if len(os.Args) != 3 || os.Args[1] != workerArgument {
		os.Exit(m.Run())
	}
	if err := workAs(os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	os.Exit(0)
}

// roles are what a worker of a test does, step by step.
var roles = map[string]func(w *worker){
	"good": func(w *worker) { w.try("probe a", func() {}) },
	"panics": func(w *worker) {
		w.try("probe a", func() { panic("boom") })
		w.try("probe b", func() {})
	},
	"faults": func(w *worker) { w.try("probe a", func() { *(*byte)(nil) = 1 }) },
	"killed": func(w *worker) { w.try("probe a", func() { kill(unix.SIGKILL) }) },
	"hangs": func(w *worker) {
		w.try("probe a", func() { _ = w.journal.add(kindNote, "half", nil) })
		w.try("test hang", func() { _ = unix.Pause() })
		w.try("probe b", func() {})
	},
	"beside the clock": func(w *worker) {
		if !w.alone && w.beginBeside(clockTrial) == nil {
			w.try("probe a", func() { panic("boom") })
		}
		w.try("probe a", func() { panic("boom") })
	},
	"in the clock": func(w *worker) {
		if !w.alone && w.beginBeside(clockTrial) == nil {
			w.try("probe a", func() { panic("the clock") })
		}
		w.try("probe a", func() {})
		w.try(clockTrial, func() { panic("the clock") })
	},
	"slack": func(w *worker) {
		_ = w.journal.add(kindNote, "begun with", fmt.Append(nil, slackBegun))
	},
	"no step":   func(w *worker) { panic("boom") },
	"no end":    func(w *worker) { w.try(fmt.Sprint("probe ", len(w.lost)), func() { panic("boom") }) },
	"no report": func(w *worker) {},
}

// slackBegun is that of the thread that begins a process, and so the monitor's.
var slackBegun = slack()

// slack is how late sleeps of the calling thread may end.
func slack() time.Duration {
	d, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil {
		panic(err)
	}
	return time.Duration(d)
}

// try does a step unless it was lost before, and notes both.
func (w *worker) try(step string, do func()) {
	kind := "done"
	if err := w.begin(step); err == nil {
		do()
	} else {
		kind = "skipped"
	}
	if err := w.journal.add(kind, step, nil); err != nil {
		panic(err)
	}
}

func kill(signal unix.Signal) {
	if err := unix.Kill(os.Getpid(), signal); err != nil {
		panic(err)
	}
	_ = unix.Pause()
}

func workAs(role string) error {
	j, err := openJournal(os.NewFile(journalFD, "journal"))
	if err != nil {
		return err
	}
	w := &worker{journal: j, signals: os.NewFile(signalFD, "signals"), host: announcer{root: fstest.MapFS{}, say: silent}}
	if _, err := w.read(); err != nil {
		return err
	}
	if err := w.signal(signalAlive); err != nil {
		return err
	}
	roles[role](w)
	return w.signal(signalDone)
}

var hungFor = regexp.MustCompile(`hung for [0-9.]+m?s$`)

func TestSupervise(t *testing.T) {
	stepLimits["test"] = 50 * time.Millisecond
	defer delete(stepLimits, "test")
	for role, want := range map[string][]string{
		"good":   {"done probe a"},
		"panics": {"lost probe a crashed: panic: boom", "skipped probe a", "done probe b"},
		"faults": {"lost probe a crashed: SIGSEGV: segmentation violation: panic: runtime error: invalid memory address or nil pointer dereference",
			"skipped probe a"},
		"killed": {"lost probe a crashed: SIGKILL, as for want of memory", "skipped probe a"},
		"hangs": {"note half", "done probe a", "lost test hang hung for a while",
			"note half", "done probe a", "skipped test hang", "done probe b"},
		"beside the clock": {"alone", "lost probe a crashed: panic: boom", "skipped probe a"},
		"in the clock":     {"alone", "done probe a", "lost trial clock crashed: panic: the clock", "done probe a", "skipped trial clock"},
		"slack":            {"note begun with 5ms"},
		"no report":        nil,
	} {
		t.Run(role, func(t *testing.T) {
			j, err := newJournal()
			require.NoError(t, err)
			require.NoError(t, supervise(j, role))
			records, err := j.records()
			require.NoError(t, err)
			var got []string
			for _, r := range records {
				line := strings.TrimSpace(strings.Join([]string{r.kind, r.name, string(r.data)}, " "))
				got = append(got, hungFor.ReplaceAllString(line, "hung for a while")) // longer on a busy machine
			}
			require.Equal(t, want, got)
		})
	}
}

func TestSuperviseGivesUp(t *testing.T) {
	for role, want := range map[string]string{
		"no step": "a worker crashed: panic: boom before its first step",
		"no end":  "40 workers were lost",
	} {
		t.Run(role, func(t *testing.T) {
			j, err := newJournal()
			require.NoError(t, err)
			require.EqualError(t, supervise(j, role), want)
		})
	}
}

// Where no worker comes to an end there is a report all the same.
func TestOverseeWithoutAnEnd(t *testing.T) {
	for role, want := range map[string]string{
		"no step":   "a worker crashed: panic: boom before its first step",
		"no report": "the workers left no report",
	} {
		t.Run(role, func(t *testing.T) {
			out := oversee(role)
			require.False(t, out.reported)
			require.Equal(t, 2, out.status)
			require.Equal(t, "poweroff", out.after)
			report, err := results.Parse(strings.NewReader(string(out.wire)), "")
			require.NoError(t, err)
			require.NoError(t, report.Incomplete)
			status, _ := report.Conclude(false)
			require.Equal(t, results.CouldNotTell, status)
			for _, p := range report.Points {
				if r, _ := suite.Find(p.ID); len(r.Needs) > 0 && r.Check != nil {
					require.Equal(t, results.Error, p.Verdict, p.ID)
					require.Equal(t, "read "+r.Needs[0]+": "+want, p.Problem)
				}
				require.NotEqual(t, results.Fail, p.Verdict, p.ID)
			}
		})
	}
}

func TestLimit(t *testing.T) {
	for _, c := range []struct {
		step  string
		scale float64
		want  time.Duration
	}{
		{"probe gic", 1, 5 * time.Second},
		{"trial clock", 1, 27 * time.Second},
		{"trial touch", 1, 15 * time.Second},
		{"publish", 2, 2 * (publishLimit + 15*time.Second)},
		{"", 1, 30 * time.Second},
	} {
		s := &supervisor{scale: c.scale}
		require.Equal(t, c.want, s.limit(c.step), c.step)
	}
}

// A host that stops the VM ends no worker.
func TestCounted(t *testing.T) {
	require.Equal(t, time.Millisecond, counted(time.Millisecond))
	require.Equal(t, supervisorPoll, counted(supervisorPoll))
	require.Less(t, counted(time.Hour), stepLimit)
}

func TestScale(t *testing.T) {
	for _, c := range []struct {
		up   time.Duration
		dead bool
		want float64
	}{
		{100 * time.Millisecond, false, 1},
		{500 * time.Millisecond, false, 2},
		{time.Minute, false, maxScale},
		{trial.DeadAfter + 100*time.Millisecond, true, 1},
		{trial.DeadAfter + time.Second, true, 4},
		{0, true, 1}, // a later worker does not wait for it again
	} {
		require.Equal(t, c.want, scale(c.up, c.dead), c.up)
	}
	require.Greater(t, stepLimits["trial"], 2*trial.DeadAfter, "the dead-timer test is a trial's part")
}

func TestLastWords(t *testing.T) {
	for said, want := range map[string]string{
		"SIGILL: illegal instruction\nPC=0x1 m=0\n":                                                          "SIGILL: illegal instruction",
		"unexpected fault address 0x7f\nfatal error: fault\n[signal SIGBUS: bus error code=0x2 addr=0x7f]\n": "SIGBUS: bus error: unexpected fault address 0x7f",
		"fatal error: runtime: out of memory\n\nruntime stack:\n":                                            "fatal error: runtime: out of memory",
		"": "",
	} {
		require.Equal(t, want, lastWords(said))
	}
}

func TestJournal(t *testing.T) {
	j, err := newJournal()
	require.NoError(t, err)
	j.begin("probe a long name")
	j.begin("probe b")
	step, count := j.doing()
	require.Equal(t, "probe b", step)
	require.EqualValues(t, 2, count)
	j.begin(strings.Repeat("x", 2*journalPage))
	step, _ = j.doing()
	require.Equal(t, strings.Repeat("x", journalPage-int(stepName)), step)

	require.NoError(t, j.add(kindNote, "efi", []byte("a\nb\n")))
	require.NoError(t, j.add(kindLost, "probe b", nil))
	records, err := j.records()
	require.NoError(t, err)
	require.Equal(t, []record{{kindNote, "efi", []byte("a\nb\n")}, {kindLost, "probe b", []byte{}}}, records)

	// What a worker could not finish is gone, and the next record in its place.
	_, err = j.file.WriteAt([]byte("note 10 half\nabc"), j.end)
	require.NoError(t, err)
	records, err = j.records()
	require.NoError(t, err)
	require.Len(t, records, 2)
	require.NoError(t, j.add(kindAlone, "", nil))
	records, err = j.records()
	require.NoError(t, err)
	require.Equal(t, record{kindAlone, "", []byte{}}, records[2])

	data, err := last(records, kindNote)
	require.NoError(t, err)
	require.Equal(t, "a\nb\n", string(data))
	_, err = last(records, kindWire)
	require.EqualError(t, err, "no wire in the journal")
}

// A record that is cut anywhere is no record, and takes none with it.
func FuzzParseRecords(f *testing.F) {
	whole := []byte("note 4 efi\na\nb\nlost 3 probe b\nxyz")
	for n := range len(whole) + 1 {
		f.Add(whole[:n])
	}
	f.Add([]byte("note -1 x\n"))
	f.Add([]byte("note 99999999999999999999 x\nabc"))
	f.Fuzz(func(t *testing.T, text []byte) {
		records, n := parseRecords(text)
		require.LessOrEqual(t, n, len(text))
		again, m := parseRecords(text[:n])
		require.Equal(t, records, again)
		require.Equal(t, n, m)
	})
}

func TestOutcomeOfAJournal(t *testing.T) {
	j, err := newJournal()
	require.NoError(t, err)
	_, err = j.outcome()
	require.EqualError(t, err, "no wire in the journal")
	for _, r := range []record{{kindWire, "", []byte("TAP\n")}, {kindStatus, "", []byte("1")}, {kindAfter, "", []byte("halt")}} {
		require.NoError(t, j.add(r.kind, r.name, r.data))
	}
	out, err := j.outcome()
	require.NoError(t, err)
	require.Equal(t, outcome{wire: []byte("TAP\n"), status: 1, after: "halt"}, out)
	require.NoError(t, j.add(kindReported, "", nil))
	out, err = j.outcome()
	require.NoError(t, err)
	require.True(t, out.reported)
}

func TestBeginLeavesOutWhatWasLost(t *testing.T) {
	j, err := newJournal()
	require.NoError(t, err)
	w := &worker{journal: j, lost: map[string]string{"probe gic": "hung for 5s"}, host: announcer{say: silent}}
	require.Equal(t, errors.New("hung for 5s"), w.each("probe")("gic"))
	step, _ := j.doing()
	require.Empty(t, step)
	require.NoError(t, w.each("probe")("fdt"))
	step, _ = j.doing()
	require.Equal(t, "probe fdt", step)
}

func TestGuarded(t *testing.T) {
	require.EqualError(t, guarded(func() error { panic("at the disco") }), "the supervisor panicked: at the disco")
	require.NoError(t, guarded(func() error { return nil }))
	out := lost(guarded(func() error { panic("at the disco") }))
	require.Contains(t, string(out.wire), "# ERROR read cpu: the supervisor panicked: at the disco\n")
	require.Equal(t, 2, out.status)
}
