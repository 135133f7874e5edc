package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vmspec/probes"
	"vmspec/probes/guest"
	"vmspec/probes/note"
	"vmspec/results/report"
	"vmspec/suite"
)

// A console that nobody reads may never take the report. One that is slow, as under an
// emulated hypervisor, takes it little by little.
const (
	consoleLimit = 30 * time.Second // without any progress
	publishLimit = 2 * time.Minute  // for the whole report: 20 kB at 9600 baud take 21 s
	publishBatch = 50               // lines, by which progress is measured
)

// terminals lists the devices that the report goes to: every serial terminal,
// whether the kernel prints there or not.
func terminals(f *probes.Facts) []string {
	if f.Console == nil || len(f.Console.Terminals) == 0 {
		return []string{"/dev/console"}
	}
	var out []string
	for _, t := range f.Console.Terminals {
		out = append(out, "/dev/"+t.Name)
	}
	// UARTs first: they always send. A virtio console that nobody reads does not.
	slices.SortStableFunc(out, func(a, b string) int {
		return strings.Compare(b[:len("/dev/h")], a[:len("/dev/h")])
	})
	return out
}

// publish writes lines to every device. With a dead timer it writes to one after
// the other, and does not wait for any.
func publish(lines, devices []string, o *observation) {
	if !o.dead {
		publishTogether(lines, devices, printOn)
		return
	}
	for _, device := range devices {
		_ = printOn(device, lines, false)
	}
	o.busyWait(time.Second / 10) // for the UART to send
}

// publishTogether prints on all devices at once. If some do not take the lines in
// time, it says so on the others.
func publishTogether(lines, devices []string, print printer) {
	progress, done := make(chan int), make(chan int, len(devices))
	left := make(chan struct{})
	defer close(left)
	for i, device := range devices {
		go func() {
			printInBatches(device, lines, print, func() {
				select {
				case progress <- i:
				case <-left:
				}
			})
			done <- i
		}()
	}
	end := time.Now().Add(publishLimit)
	late, open := time.After(consoleLimit), slices.Clone(devices)
	for ended := 0; ended < len(devices); {
		select {
		case <-progress:
			late = time.After(min(consoleLimit, time.Until(end)))
		case i := <-done:
			open[i] = ""
			ended++
		case <-late:
			sayLate(devices, open, print)
			return
		}
	}
}

// printInBatches prints on a device, and calls progress behind each batch.
func printInBatches(device string, lines []string, print printer, progress func()) {
	for batch := range slices.Chunk(lines, publishBatch) {
		if print(device, batch, true) != nil { // hvc terminals without a device answer ENODEV
			return
		}
		progress()
	}
}

// sayLate says on the devices that took the report which did not: those that are open.
func sayLate(devices, open []string, print printer) {
	names := slices.DeleteFunc(slices.Clone(open), func(device string) bool { return device == "" })
	last := fmt.Sprintf(report.Mark+"%s did not take the report in %s", strings.Join(names, " "), consoleLimit)
	for i, device := range devices {
		if open[i] == "" {
			_ = print(device, []string{last}, false)
		}
	}
}

// printOn writes lines to a terminal. Each is one write(2), so that nobody else's
// output comes into the middle of a line. With wait it returns when the lines are
// sent; the kernel sleeps meanwhile.
func printOn(device string, lines []string, wait bool) error {
	// Without O_NONBLOCK an unused UART would wait for a carrier.
	var fd int
	err := uninterrupted(func() (err error) {
		fd, err = unix.Open(device, unix.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return fmt.Errorf("open %s: %w", device, err)
	}
	defer unix.Close(fd)
	if !listened(fd) {
		return fmt.Errorf("%s: nobody listens", device)
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		return fmt.Errorf("open %s: %w", device, err)
	}
	for _, line := range lines {
		if _, err := rawFile(fd).Write([]byte(line + "\n")); err != nil {
			return fmt.Errorf("%s: %w", device, err)
		}
	}
	if !wait {
		return nil
	}
	return drain(fd)
}

// listened reports whether somebody may read what is written. A virtio-serial port
// knows whether its other side is open.
func listened(fd int) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	_, err := unix.Poll(fds, 0)
	return err != nil || fds[0].Revents&unix.POLLHUP == 0
}

// drain is tcdrain: TCSBRK with an argument waits for the output to be sent. What is no
// terminal, such as a virtio-serial port, has sent it.
func drain(fd int) error {
	err := uninterrupted(func() error { return unix.IoctlSetInt(fd, unix.TCSBRK, 1) })
	if errors.Is(err, unix.ENOTTY) {
		return nil
	}
	return err
}

// uninterrupted makes a system call again that a signal of the Go runtime interrupted.
// The kernel does not start the wait for a terminal again by itself (drivers/tty/tty_io.c,
// tty_ioctl).
func uninterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// rawFile writes by one write(2). os.File does not promise that.
type rawFile int

func (f rawFile) Write(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		m, err := unix.Write(int(f), p[n:])
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) {
			continue
		}
		if err != nil {
			return n, err
		}
		n += m
	}
	return n, nil
}

// busyWait waits without sleeping.
func (o *observation) busyWait(d time.Duration) {
	end := o.base.Now() + uint64(d.Seconds()*float64(o.base.Hz))
	for o.base.Now() < end {
	}
}

// The virtio-serial ports for the report and for the capture.
const (
	reportPort  = "org.vmspec.report"
	capturePort = "org.vmspec.capture"
)

// ports lists the devices of the virtio-serial ports of that name.
func ports(name string) []string {
	files, _ := filepath.Glob("/sys/class/virtio-ports/*/name") // the pattern is good
	var out []string
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && strings.TrimSpace(string(text)) == name {
			out = append(out, "/dev/"+filepath.Base(filepath.Dir(file)))
		}
	}
	return out
}

// shipLimit is how long the capture may take: perhaps nobody reads from the port.
const shipLimit = 5 * time.Second

// giveAway sends the captured guest as the settings say. With a dead timer it
// leaves out the port: a wait for it might never end.
func (o *observation) giveAway(files *guest.FS, s suite.Settings, devices []string) {
	switch {
	case s.Capture == "console":
		var capture bytes.Buffer
		if err := files.WriteCapture(&capture); err != nil {
			say("capture: %v", err)
			return
		}
		publish(report.CaptureFrames(s.Nonce, capture.Bytes()), devices, o)
	case s.Capture == "port" && !o.dead:
		ship(files)
	}
}

// ship writes the capture to its port, if there is one.
func ship(files *guest.FS) {
	shipped := make(chan []byte, 1)
	go func() {
		shipped <- note.Take(&note.FreeText{}, func() error { return shipAll(files) })
	}()
	if text := within(shipLimit, shipped); len(text) > 0 {
		say("capture: %s", strings.TrimSpace(string(text)))
	}
}

func shipAll(files *guest.FS) error {
	for _, device := range ports(capturePort) {
		if err := shipTo(device, files); err != nil {
			return err
		}
	}
	return nil
}

func shipTo(device string, files *guest.FS) error {
	var capture bytes.Buffer
	if err := files.WriteCapture(&capture); err != nil {
		return err
	}
	port, err := os.OpenFile(device, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = port.Write(capture.Bytes())
	return errors.Join(err, port.Close())
}
