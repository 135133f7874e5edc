package guest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"vmspec/probes/rtc"
)

const (
	// The first edge may be anywhere in a second: it is looked for less often,
	// since every look is a call of the firmware's and, under emulation, waking
	// up costs more than it. Behind that edge nothing happens for a while, and
	// then the next one of a right clock is near.
	rtcFirst = 50 * time.Millisecond
	rtcRest  = 930 * time.Millisecond
	rtcPoll  = 10 * time.Millisecond
	// Two edges are enough when the time between them is known to a twelfth,
	// which tells a clock that is right within a tenth; on a busy host the trial
	// goes on, this long at most.
	rtcPrecision = 12
	rtcMost      = 6 // seconds by the counter
	// A clock whose second lasts longer than this stands still.
	rtcStuck = 3
	// A signal of Go's that comes while another call of the firmware is being
	// waited for makes Linux say EINVAL of the clock (drivers/firmware/efi/
	// runtime-wrappers.c, virt_efi_get_time): then it is asked again.
	rtcTries = 3
)

// TrialRTC watches the real-time clock's seconds change, against the counter:
// UEFI's clock where Linux keeps it, else the one registered first. It writes
//
//	rtc DEVICE
//	counter NAME HZ
//	edge SECONDS EARLIEST LATEST   the second began between these ticks
//	stuck SECONDS TICKS            the second did not end within these ticks
//
// Each edge is bracketed by the reading before it and the one after, so that
// a late poll widens a bound and never moves an edge.
func TrialRTC(root fs.FS, c Clock, out io.Writer) error {
	device, err := chooseRTC(root)
	if err != nil {
		return err
	}
	value, before, err := readRTC(root, device, c)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "rtc %s\n", device)
	fmt.Fprintf(out, "counter %s %d\n", c.Name, c.Hz)
	start, since := before, before
	var edges []edge
	pause := rtcFirst
	for {
		time.Sleep(pause)
		if len(edges) > 0 {
			pause = rtcPoll
		}
		now, began, err := readRTC(root, device, c)
		ended := c.Now()
		switch {
		case err != nil:
			return err
		case now != value:
			next := edge{earliest: before, latest: ended}
			fmt.Fprintf(out, "edge %d %d %d\n", now, before, ended)
			if slices.ContainsFunc(edges, func(e edge) bool { return e.precise(next, c.Hz) }) {
				return nil
			}
			if len(edges) == 0 {
				pause = rtcRest
			}
			edges = append(edges, next)
			since = began
		case ended-since > rtcStuck*c.Hz:
			fmt.Fprintf(out, "stuck %d %d\n", value, ended-since)
			return nil
		}
		if ended-start > rtcMost*c.Hz {
			return nil
		}
		value, before = now, began
	}
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

// edge is the beginning of a second, between two ticks.
type edge struct{ earliest, latest uint64 }

// precise tells whether the time between two edges is known well enough.
func (e edge) precise(later edge, hz uint64) bool {
	doubt, passed := (later.latest-later.earliest)+(e.latest-e.earliest), later.latest-e.earliest
	return doubt*rtcPrecision <= passed && passed > hz/2
}

// readRTC returns the clock's seconds and the tick at which reading began.
func readRTC(root fs.FS, device string, c Clock) (seconds int64, began uint64, err error) {
	began = c.Now()
	var text []byte
	for range rtcTries {
		text, err = fs.ReadFile(root, path.Join("sys/class/rtc", device, "since_epoch"))
		if !errors.Is(err, syscall.EINVAL) {
			break
		}
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
