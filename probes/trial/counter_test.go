package trial

import (
	"fmt"
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"vmspec/probes/note"
	"vmspec/probes/timer"
)

func TestOnOwnThread(t *testing.T) {
	require.NoError(t, onOwnThread(func() error { return nil }))
	require.EqualError(t, onOwnThread(func() error { return errIO }), errIO.Error())
	require.EqualError(t, onOwnThread(func() error { panic("boom") }), "panic: boom")
}

func TestCounterRun(t *testing.T) {
	run := newCounterRun(counter(10, 20, 15, 14, 30))
	run.until(30)
	require.False(t, run.still)
	require.EqualValues(t, 4, run.reads)
	require.EqualValues(t, 2, run.backward)

	run = newCounterRun(counter(10))
	run.until(11)
	require.EqualValues(t, maxReads, run.reads, "a counter that stands still ends the wait")
	require.True(t, run.still)
	require.Zero(t, run.backward)
}

// ticking is a guest whose timer interrupts once in so many looks.
type ticking struct {
	fstest.MapFS
	looks, every int
}

func (g *ticking) Open(name string) (fs.File, error) {
	g.looks++
	text := fmt.Sprintf(" CPU0\n11: %d GICv3 27 Level arch_timer\n", 100+g.looks/g.every)
	return fstest.MapFS{"proc/interrupts": {Data: []byte(text)}}.Open(name)
}

// stopped is a clock of a microsecond a read, that a host which stops the VM
// lets jump by seconds at that read.
func stopped(at, seconds uint64) Timebase {
	var reads uint64
	return Timebase{Name: "fake", Hz: 1e6, Now: func() uint64 {
		if reads++; reads > at {
			return reads + 1e6*seconds
		}
		return reads
	}}
}

func TestDeadTimer(t *testing.T) {
	running := stopped(0, 0)
	still := Timebase{Name: "fake", Hz: 1e6, Now: func() uint64 { return 7 }}
	tests := map[string]struct {
		files        fs.FS
		clock        Timebase
		want         string
		dead, tested bool
	}{
		"nothing listed":        {fstest.MapFS{}, running, `^$`, false, false},
		"alive":                 {&ticking{every: 2}, running, `^interrupts 100 101 5\d{3}\n$`, false, true},
		"slow, but it does":     {&ticking{every: 4}, running, `^interrupts 100 101 \d{5}\n$`, false, true},
		"starved for 2.5 s":     {&ticking{every: 10}, running, `^interrupts 100 101 25\d{5}\n$`, false, true},
		"dead":                  {&ticking{every: 1000}, running, `^interrupts 100 100 5\d{6}\n$`, true, true},
		"stopped for a second":  {&ticking{every: 4}, stopped(100, 1), `^interrupts 100 101 10\d{5}\n$`, false, true},
		"stopped for a minute":  {&ticking{every: 4}, stopped(100, 60), `^interrupts 100 101 600\d{5}\n$`, false, true},
		"dead and stopped":      {&ticking{every: 1000}, stopped(100, 60), `^interrupts 100 100 61\d{6}\n$`, true, true},
		"a counter that stands": {&ticking{every: 1000}, still, `^interrupts 100 100 0\n$`, true, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			text := note.Text(&timer.TicksNote{Start: testTimer(test.files, newCounterRun(test.clock))})
			require.Regexp(t, test.want, string(text))
			dead, tested := timer.IsDead(text)
			require.Equal(t, test.dead, dead)
			require.Equal(t, test.tested, tested)
		})
	}
}

// A timer is not dead before a running CPU has waited for it.
func TestEnough(t *testing.T) {
	const seconds = uint64(DeadAfter / time.Second)
	clock := Timebase{Hz: 1000}
	for name, test := range map[string]struct {
		run  counterRun
		want bool
	}{
		"at once":              {counterRun{last: 100}, false},
		"a CPU that ran":       {counterRun{last: 100 + 1000*seconds - 1, reads: deadReads}, false},
		"stopped by the host":  {counterRun{last: 100 + 1000*seconds, reads: deadReads - 1}, false},
		"both":                 {counterRun{last: 100 + 1000*seconds, reads: deadReads}, true},
		"counter went back":    {counterRun{last: 99, reads: deadReads}, false},
		"counter far too slow": {counterRun{last: 101, reads: deadReadsMost}, true},
		"counter stands still": {counterRun{last: 100, reads: maxReads, still: true}, true},
	} {
		test.run.base = clock
		require.Equal(t, test.want, test.run.enough(100), name)
	}
}

// The narrowest bracket counts: where the host stopped the vCPU between two
// readings, the counter is not wrong.
func TestReading(t *testing.T) {
	var readings []uint64
	for i := range uint64(10) {
		width := uint64(500)
		if i == 3 {
			width = 1
		}
		readings = append(readings, 1000*i, 1000*i+width)
	}
	got := reading(counter(readings...))
	require.EqualValues(t, 3000, got.least)
	require.EqualValues(t, 3001, got.most)
}
