package main

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/efi"
	"vmspec/probes/kernel"
	"vmspec/probes/trial"
	"vmspec/results"
	"vmspec/suite"
)

// workerOf is a worker that finds a journal with records.
func workerOf(t *testing.T, root fstest.MapFS, records ...record) *worker {
	t.Helper()
	j, err := newJournal()
	require.NoError(t, err)
	for _, r := range records {
		require.NoError(t, j.add(r.kind, r.name, r.data))
	}
	w := &worker{journal: j, root: root}
	w.host.root, w.host.say = root, silent
	_, err = w.read()
	require.NoError(t, err)
	return w
}

func TestWorkerReads(t *testing.T) {
	w := workerOf(t, nil, record{kindNote, "efi", []byte("a")}, record{kindLost, "trial tpm", []byte("hung for 15s")},
		record{kindNote, "efi", []byte("b")}, record{"kind of tomorrow", "x", nil})
	require.Equal(t, notes{"efi": []byte("b")}, w.kept)
	require.Equal(t, map[string]string{"trial tpm": "hung for 15s"}, w.lost)
	require.False(t, w.alone)
	require.True(t, workerOf(t, nil, record{kindAlone, "", nil}).alone)
}

func TestWorkerSignals(t *testing.T) {
	r, s, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	w := &worker{signals: s}
	require.NoError(t, w.signal(signalDone))
	b := make([]byte, 2)
	n, err := r.Read(b)
	require.NoError(t, err)
	require.Equal(t, string(signalDone), string(b[:n]))
	require.NoError(t, s.Close())
	require.ErrorIs(t, w.signal(signalDone), os.ErrClosed)
}

func TestBeginBeside(t *testing.T) {
	w := workerOf(t, nil, record{kindLost, "trial tpm", []byte("hung for 15s")})
	require.EqualError(t, w.beginBeside("trial tpm"), "hung for 15s")
	require.Zero(t, w.journal.step.beside.Load())
	require.NoError(t, w.begin("probe gic"))
	require.NoError(t, w.beginBeside(clockTrial))
	require.EqualValues(t, 1, w.journal.step.beside.Load())
	step, _ := w.journal.doing()
	require.Equal(t, "probe gic", step, "what is beside is no step")
}

// A program in a guest that shows nothing gives a report of errors. It takes no
// note again that a worker before it took, and none that one did not survive.
func TestJudge(t *testing.T) {
	root := fstest.MapFS{"proc/cmdline": {Data: []byte("vmspec.nonce=7f3a9c21 vmspec.after=halt")}}
	w := workerOf(t, root, record{kindNote, "counter", []byte("error kept\n")}, record{kindNote, "clock", []byte("error kept\n")},
		record{kindLost, "trial timer", []byte("hung for 15s")})
	require.NoError(t, w.judge(nil))
	out, err := w.journal.outcome()
	require.NoError(t, err)
	require.False(t, out.reported, "a program prints the report itself")
	require.Equal(t, "halt", out.after)
	report, err := results.Parse(strings.NewReader(string(out.wire)), "7f3a9c21")
	require.NoError(t, err)
	require.NoError(t, report.Incomplete)
	require.NotEmpty(t, report.Points)
	records, err := w.journal.records()
	require.NoError(t, err)
	notes := map[string][]string{}
	for _, r := range records {
		if r.kind == kindNote {
			notes[r.name] = append(notes[r.name], string(r.data))
		}
	}
	require.Equal(t, []string{"error kept\n"}, notes["counter"])
	require.Equal(t, []string{"error kept\n"}, notes["clock"])
	require.Equal(t, []string{"error hung for 15s\n"}, notes["timer"], "the next worker need not try again")

	// After one that was lost while it published there is nothing to judge.
	_, count := w.journal.doing()
	require.NoError(t, w.judge(records))
	_, again := w.journal.doing()
	require.Equal(t, count, again)
}

// A worker does not repeat a step in which one was lost: then the supervisor
// publishes the report.
func TestWorkerPublishes(t *testing.T) {
	for name, c := range map[string]struct {
		lost     string
		reported bool
		captured bool
	}{
		"all":                     {"", true, true},
		"lost while it published": {"publish", false, false},
		"lost while it captured":  {"capture", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := observed(t, true)
			o.lost = map[string]string{c.lost: "hung for 45s"}
			devices := consoles(t, "ttyAMA0")
			captured := false
			require.NoError(t, o.publish(o, []string{"report"}, devices, func(to []string) {
				require.Equal(t, devices, to)
				captured = true
			}))
			require.Equal(t, c.captured, captured)
			require.Equal(t, c.reported, text(t, devices[0]) == "report\n")
			records, err := o.journal.records()
			require.NoError(t, err)
			_, missing := last(records, kindReported)
			require.Equal(t, c.reported, missing == nil)
		})
	}
}

// A guest ends as its mark says, which is otherwise than its parameter where it came back
// by a reset.
func TestAfter(t *testing.T) {
	s := suite.Settings{After: "reboot"}
	require.Equal(t, "reboot", after(s, &probes.Facts{}))
	require.Equal(t, "reboot", after(s, &probes.Facts{EFI: &efi.Facts{}}))
	require.Equal(t, "reboot", after(s, &probes.Facts{EFI: &efi.Facts{Mark: &efi.MarkNote{Read: "absent"}}}))
	require.Equal(t, "poweroff", after(s, &probes.Facts{EFI: &efi.Facts{Mark: &efi.MarkNote{Left: &efi.Mark{After: "poweroff"}}}}))
}

func TestMarkPlan(t *testing.T) {
	for parameters, want := range map[string]trial.MarkPlan{
		"":               {Nonce: "-", After: "poweroff"},
		"vmspec.nonce=n": {Nonce: "n", After: "poweroff"},
		"vmspec.nonce=n vmspec.series=s/1/2 vmspec.after=reboot": {Nonce: "s", Boot: 1, After: "reboot"},
		"vmspec.series=s/2/2": {Nonce: "s", Boot: 2, Last: true, After: "poweroff"},
	} {
		p := map[string]string{}
		kernel.ParseParameters(p, strings.Fields(parameters))
		o := &observation{chosen: suite.ParseSettings(p)}
		require.Equal(t, want, o.markPlan(), parameters)
	}
}

// Nothing stays of a guest that is to change nothing, of one that somebody else booted,
// or without UEFI.
func TestMayLeaveMark(t *testing.T) {
	for name, c := range map[string]struct {
		pid1, uefi bool
		parameters string
		want       bool
	}{
		"ours":                  {true, true, "", true},
		"read-only":             {true, true, "vmspec.readonly", false},
		"somebody else's guest": {false, true, "", false},
		"no UEFI":               {true, false, "", false},
	} {
		root := fstest.MapFS{"proc/cmdline": {Data: []byte(c.parameters + "\n")}}
		o := &observation{worker: &worker{root: root, pid1: c.pid1}, uefi: c.uefi, notes: map[string][]byte{}}
		require.Equal(t, c.want, mayLeaveMark(o), name)
	}
}
