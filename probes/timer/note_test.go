package timer_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/timer"
)

func TestReadShots(t *testing.T) {
	const head = "counter cntvct 1000\nbaseline 3\n"
	tests := map[string]struct {
		text string
		want timer.Shots
		err  string
	}{
		"captured before there were any": {"cpu 0 before 1 after 9 woke 5\n", timer.Shots{}, ""},
		"counter without a rate":         {"counter cntvct\n", timer.Shots{}, "counter: no HZ"},
		"baseline no number":             {"baseline x\n", timer.Shots{}, `baseline: TICKS: "x" is not a number`},
		"line cut":                       {head + "shot 0 ran 0 ended 1 asked 12 took\n", timer.Shots{Hz: 1000, Baseline: 3}, "shot: no took TICKS"},
		"a negative number":              {head + "shot 0 ran -1 ended 1 asked 12 took 13 others 0\n", timer.Shots{Hz: 1000, Baseline: 3}, `shot: ran CPU: "-1" is not a number`},
		"whole": {head + "shot 1 ran 2 ended 3 asked 12 took 13 others 4\n",
			timer.Shots{Hz: 1000, Baseline: 3, CPUs: []timer.Shot{{Number: 1, Ran: 2, Ended: 3, Asked: 12, Took: 13, Others: 4}}}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := read(t, map[string]string{"timer": test.text})
			require.Equal(t, test.want, f.Shots)
			require.Equal(t, test.err == "", f.TrialErr == "", f.TrialErr)
			require.Contains(t, f.TrialErr, test.err)
		})
	}
	s := timer.Shots{Hz: 1000}
	require.Equal(t, 0.5, s.Late(timer.Shot{Asked: 12, Took: 512}))
	require.Zero(t, s.Late(timer.Shot{Asked: 12, Took: 11}), "early is not late")
}

func TestReadAgreement(t *testing.T) {
	tests := map[string]struct {
		text string
		want timer.Agreement
	}{
		"failed":             {"error no CPU is online\n", timer.Agreement{Err: "vmspec/agreement: no CPU is online"}},
		"failed half-way":    {"counter cntvct 9\nerror hung for 15s\n", timer.Agreement{Counter: "cntvct", Hz: 9, Err: "vmspec/agreement: hung for 15s"}},
		"counter cut":        {"counter\n", timer.Agreement{Err: "vmspec/agreement: counter: no NAME"}},
		"reads no number":    {"reads x\n", timer.Agreement{Err: `vmspec/agreement: reads: N: "x" is not a number`}},
		"a word we know not": {"later 1\n", timer.Agreement{}},
		"whole": {"counter cntvct 9\nreads 5 backward 1 worst 2\npair 0 3 handovers 7 backward 2 worst 4\n",
			timer.Agreement{Counter: "cntvct", Hz: 9, Alone: timer.Readings{Count: 5, Backward: 1, Worst: 2},
				Pairs: []timer.Pair{{A: 0, B: 3, Readings: timer.Readings{Count: 7, Backward: 2, Worst: 4}}}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, read(t, map[string]string{"agreement": test.text}).Agreement)
		})
	}
	require.Contains(t, read(t, map[string]string{"agreement": "pair 0 1 handovers 5\n"}).Agreement.Err, "pair: no backward N")
}

// Whatever stands in the notes, an error says where.
func FuzzReadTrials(f *testing.F) {
	f.Add("counter cntvct 1000\nshot 1 ran 2 ended 3 asked 12 took 13 others 4\n", "reads 5 backward 1 worst 2\npair 0 3 handovers 7 backward 2 worst 4\n")
	f.Add("baseline 1\nshot\n", "error gone\n")
	f.Fuzz(func(t *testing.T, shots, agreement string) {
		got := read(t, map[string]string{"timer": shots, "agreement": agreement})
		if got.TrialErr != "" {
			require.Contains(t, got.TrialErr, "vmspec/timer")
		}
		if got.Agreement.Err != "" {
			require.Contains(t, got.Agreement.Err, "vmspec/agreement")
		}
		for _, one := range got.Shots.CPUs {
			require.False(t, got.Shots.Hz > 0 && got.Shots.Late(one) < 0)
		}
	})
}
