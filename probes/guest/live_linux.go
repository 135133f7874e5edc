package guest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// nap sleeps by a one-shot timer of the kernel's, and by none of Go's.
func nap(d time.Duration) error {
	rest := unix.NsecToTimespec(int64(d))
	for {
		if err := unix.Nanosleep(&rest, &rest); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// yield lets other threads run first, and does not sleep.
func yield() { _, _, _ = unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }

// currentCPU returns the CPU on which it is called, -1 if the kernel does not
// say.
func currentCPU() int {
	var cpu uint32
	if _, _, errno := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&cpu)), 0, 0); errno != 0 {
		return -1
	}
	return int(cpu)
}

// pin keeps the calling goroutine on one CPU, and lets its naps end in time:
// PR_SET_TIMERSLACK, prctl(2). Its thread is thrown away with both when the
// goroutine ends.
func pin(cpu int) error {
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("run on cpu %d: %w", cpu, err)
	}
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("sleep on cpu %d: %w", cpu, err)
	}
	return nil
}

// maxLog bounds what is kept of the kernel's log: its beginning.
const maxLog = 1 << 20

// ReadLog returns the kernel's log from /dev/kmsg, a message a line as dmesg
// writes it: "[    0.000000] text" (Documentation/ABI/testing/dev-kmsg).
func ReadLog() ([]byte, error) {
	fd, err := openLog()
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return readLog(fd)
}

// watchLog returns what reads the messages that the kernel logs from now on.
func watchLog() (read func() string, err error) {
	fd, err := openLog()
	if err != nil {
		return nil, err
	}
	if _, err := unix.Seek(fd, 0, unix.SEEK_END); err != nil {
		return nil, errors.Join(fmt.Errorf("seek in /dev/kmsg: %w", err), unix.Close(fd))
	}
	return func() string {
		log, _ := readLog(fd) // as far as it goes
		_ = unix.Close(fd)
		return string(log)
	}, nil
}

func openLog() (fd int, err error) {
	if fd, err = unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err != nil {
		err = fmt.Errorf("open /dev/kmsg: %w", err)
	}
	return fd, err
}

func readLog(fd int) ([]byte, error) {
	var log bytes.Buffer
	for record := make([]byte, 8192); log.Len() < maxLog; {
		n, err := unix.Read(fd, record)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return log.Bytes(), nil
		case errors.Is(err, unix.EPIPE): // overwritten while we read: go on with the next
		case err != nil:
			return nil, fmt.Errorf("read /dev/kmsg: %w", err)
		case n == 0: // not the kernel's log, whatever a container put there
			return log.Bytes(), nil
		default:
			logLine(&log, string(record[:n]))
		}
	}
	return log.Bytes(), nil
}

// writeFile writes to a file of the kernel's that is there, in one call.
func writeFile(name, text string) error {
	fd, err := unix.Open(name, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	_, err = unix.Write(fd, []byte(text))
	return errors.Join(err, unix.Close(fd))
}

// logLine appends one record, "priority,sequence,microseconds,flags;text".
func logLine(log *bytes.Buffer, record string) {
	prefix, text, ok := strings.Cut(record, ";")
	fields := strings.Split(prefix, ",")
	if !ok || len(fields) < 3 {
		return
	}
	text, _, _ = strings.Cut(text, "\n") // continuation lines are key=value pairs
	micros, err := strconv.ParseUint(fields[2], 10, 64)
	if err != nil {
		return
	}
	fmt.Fprintf(log, "[%12.6f] %s\n", float64(micros)/1e6, text)
}

// physical reads size bytes at a physical address through /dev/mem.
func physical(address uint64, size int) ([]byte, error) {
	mem, err := os.Open("/dev/mem")
	if err != nil {
		return nil, err
	}
	defer mem.Close()
	var data []byte
	err = withPhysical(mem, address, size, func(m []byte) { data = bytes.Clone(m) })
	return data, err
}

// withPhysical lends size bytes at a physical address. It maps no page more
// than they touch: the kernel refuses a mapping that runs into System RAM
// (drivers/char/mem.c).
func withPhysical(mem *os.File, address uint64, size int, use func([]byte)) error {
	page := uint64(os.Getpagesize())
	begin := address &^ (page - 1)
	length := int(address - begin + uint64(size))
	data, err := unix.Mmap(int(mem.Fd()), int64(begin), length, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("map %s at %#x: %w", mem.Name(), begin, err)
	}
	use(data[address-begin : length])
	return unix.Munmap(data)
}
