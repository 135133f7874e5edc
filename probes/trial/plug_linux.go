package trial

import (
	"errors"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// outsidePoll is how long a wait takes at most. Not all that changes comes with an
// event of the kernel's.
const outsidePoll = 250 * time.Millisecond

// maxEvents bounds how many of the kernel's events are dropped without a pause.
const maxEvents = 1024

// openOutside opens the terminals, and the kernel's events of devices. Terminals that
// cannot be opened are left out; the events are only there to wait for.
func openOutside(terminals []string) (outside, error) {
	var open []terminal
	var errs []error
	for _, name := range terminals {
		if t, err := openTerminal(name); err == nil {
			open = append(open, t)
		} else {
			errs = append(errs, err)
		}
	}
	if len(open) == 0 {
		return outside{}, errors.Join(append(errs, errors.New("no terminal to ask on"))...)
	}
	events := openEvents()
	parts := make([]string, len(open))
	return outside{
		ask:   func(line string) error { return askAll(open, line) },
		typed: func() []string { return typedLines(open, parts) },
		wait:  func() { waitFor(open, events) },
		close: func() {
			for _, t := range open {
				_ = t.Close() // its settings do not matter any more
			}
			if events >= 0 {
				unix.Close(events)
			}
		},
	}, nil
}

// openEvents opens the kernel's events of devices (man 7 netlink,
// NETLINK_KOBJECT_UEVENT); -1 if there are none.
func openEvents() int {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return -1
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1}); err != nil {
		unix.Close(fd)
		return -1
	}
	return fd
}

// askAll writes a line to all terminals. One that took it is enough.
func askAll(open []terminal, line string) error {
	var errs []error
	for _, t := range open {
		if _, err := unix.Write(t.fd, []byte(line+"\n")); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) < len(open) {
		return nil
	}
	return errors.Join(errs...)
}

// typedLines returns the lines that were ended since; parts are what is left of each
// terminal's.
func typedLines(open []terminal, parts []string) (lines []string) {
	for i, t := range open {
		all := strings.FieldsFunc(parts[i]+typed(t)+"\x00", func(c rune) bool { return c == '\r' || c == '\n' })
		last := len(all) - 1
		lines = append(lines, all[:last]...)
		if parts[i] = strings.TrimSuffix(all[last], "\x00"); len(parts[i]) > maxInput {
			parts[i] = ""
		}
	}
	return lines
}

// waitFor waits until something is typed or the kernel tells of a device, and drops
// what it tells: sysfs has it.
func waitFor(open []terminal, events int) {
	var fds []unix.PollFd
	for _, t := range open {
		fds = append(fds, unix.PollFd{Fd: int32(t.fd), Events: unix.POLLIN})
	}
	fds = append(fds, unix.PollFd{Fd: int32(events), Events: unix.POLLIN}) // poll passes over a negative one
	started := time.Now()
	n, err := unix.Poll(fds, int(outsidePoll.Milliseconds()))
	hung := n > 0 && fds[len(fds)-1].Revents&unix.POLLIN == 0 && time.Since(started) < networkPoll
	if err != nil || hung { // a terminal without its other side is ready at once, and has nothing
		time.Sleep(networkPoll)
	}
	event := make([]byte, 8192)
	for range maxEvents {
		if n, err := unix.Read(events, event); n <= 0 || err != nil {
			return
		}
	}
}
