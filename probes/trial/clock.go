package trial

import (
	"errors"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"

	"vmspec/probes/rtc"
)

const (
	// The first edge may be anywhere in a second. The trial looks for it less often:
	// each look may call the firmware, and under emulation waking up costs even
	// more. After an edge it rests until the next edge of a right clock is near.
	rtcFirst = 50 * time.Millisecond
	rtcRest  = 930 * time.Millisecond
	rtcPoll  = 10 * time.Millisecond
	// Stop once the time between two edges is known to 1/12: enough to accept a rate
	// within 10 %. A clock that was wrong once is watched until it was wrong again, or
	// right. On a busy host that takes longer, at most this long.
	rtcPrecision = 12
	rtcMost      = 20 // seconds of the counter
	// A clock stands still if one of its seconds lasts longer than this, in seconds
	// of the counter, and it was read this often meanwhile. Each look waits for an
	// interrupt, so many looks mean that the VM was running.
	rtcStuck = 3
	rtcLooks = 10
	// If a signal of the Go runtime comes while Linux waits for another call of the
	// firmware, reading the clock fails with EINVAL (drivers/firmware/efi/
	// runtime-wrappers.c, virt_efi_get_time). Then it is read again, so often that
	// chance is no reason: who fails every time is the firmware.
	rtcTries = 10
	rtcAgain = 2 * time.Millisecond
)

// Clock watches the seconds of the real-time clock and measures them by a timebase.
// The clock is UEFI's if Linux uses that, else the one registered first.
//
// Each edge lies between two readings, the one before it and the one after. A late
// reading makes that interval wider and never moves the edge. In the same way a
// second that does not end is only counted between two readings of it.
func Clock(root fs.FS, c Timebase, n *rtc.Note) error {
	device, err := chooseRTC(root)
	if err != nil {
		return err
	}
	value, before, err := readRTC(root, device, c)
	if err != nil {
		return err
	}
	n.Watched, n.Counter, n.Hz = device, c.Name, c.Hz
	w := rtcWatch{Note: n, start: before, value: value, since: c.Now(), before: before}
	for pause := rtcFirst; ; {
		time.Sleep(pause)
		now, began, err := readRTC(root, device, c)
		if err != nil {
			return err
		}
		pause = rtcPoll
		if w.look(now, began, c.Now()) {
			return nil
		}
		switch {
		case len(n.Edges) == 0:
			pause = rtcFirst
		case len(n.Edges) == 1 && w.looks == 1:
			pause = rtcRest
		}
	}
}

// An rtcWatch is what was seen of the clock so far.
type rtcWatch struct {
	*rtc.Note
	start  uint64
	value  int64  // what the clock said last
	since  uint64 // when that was read for the first time, at the latest
	before uint64 // when the last reading began
	looks  int    // readings of this value
}

// look takes a reading that was made between two ticks, and tells whether no
// more are needed.
func (w *rtcWatch) look(now int64, began, ended uint64) (enough bool) {
	last := w.before
	w.before, w.looks = began, w.looks+1
	if now == w.value {
		if w.looks >= rtcLooks && began > w.since+rtcStuck*w.Hz {
			w.Stuck = &rtc.Stuck{Seconds: now, Ticks: began - w.since}
			return true
		}
		return w.late(ended)
	}
	w.Edges = append(w.Edges, rtc.Edge{Seconds: now, Earliest: last, Latest: ended})
	w.value, w.since, w.looks = now, ended, 1
	return w.known() || w.late(ended)
}

// late tells whether the trial has taken long enough.
func (w *rtcWatch) late(now uint64) bool { return now-w.start > rtcMost*w.Hz }

// known tells whether two edges show the clock to be right, or it was wrong
// often enough.
func (w *rtcWatch) known() bool {
	for i, from := range w.Edges {
		for _, to := range w.Edges[i+1:] {
			if precise(from, to, w.Hz) && !wrong(from, to, w.Hz) {
				return true
			}
		}
	}
	return w.timesWrong() >= rtc.WrongLeast
}

// timesWrong counts the times, one after the other, in which the clock was wrong.
func (w *rtcWatch) timesWrong() (n int) {
	if len(w.Edges) == 0 {
		return 0
	}
	from := w.Edges[0]
	for _, to := range w.Edges[1:] {
		if precise(from, to, w.Hz) && wrong(from, to, w.Hz) {
			n, from = n+1, to
		}
	}
	return n
}

func chooseRTC(root fs.FS) (string, error) {
	f, err := rtc.Read(root)
	switch {
	case err != nil:
		return "", err
	case len(f.Clocks) == 0:
		return "", errors.New("the kernel has no real-time clock")
	case f.UEFI() != nil:
		return f.UEFI().Device, nil
	}
	return f.Clocks[0].Device, nil
}

// precise tells whether the time between two edges is known well enough.
func precise(from, to rtc.Edge, hz uint64) bool {
	doubt, passed := (to.Latest-to.Earliest)+(from.Latest-from.Earliest), to.Latest-from.Earliest
	return doubt*rtcPrecision <= passed && passed > hz/2
}

// wrong tells whether the clock's seconds between two edges cannot be right. It
// allows no tolerance and needs none: a right clock always fits the intervals.
func wrong(from, to rtc.Edge, hz uint64) bool {
	said := (to.Seconds - from.Seconds) * int64(hz)
	return said < int64(to.Earliest-from.Latest) || said > int64(to.Latest-from.Earliest)
}

// readRTC returns the clock's seconds and the tick at which reading began.
func readRTC(root fs.FS, device string, c Timebase) (seconds int64, began uint64, err error) {
	began = c.Now()
	var text []byte
	for range rtcTries {
		text, err = fs.ReadFile(root, path.Join("sys/class/rtc", device, "since_epoch"))
		if !errors.Is(err, syscall.EINVAL) {
			break
		}
		time.Sleep(rtcAgain)
	}
	if err != nil {
		return 0, 0, err
	}
	seconds, err = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0, 0, errors.New("since_epoch is not a number of seconds")
	}
	return seconds, began, nil
}
