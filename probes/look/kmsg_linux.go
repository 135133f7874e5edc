package look

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLog is how many bytes are kept of the kernel's log, from its beginning.
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

// WatchLog returns a function that reads what the kernel has logged since.
func WatchLog() (read func() string, err error) {
	fd, err := openLog()
	if err != nil {
		return nil, err
	}
	if _, err := unix.Seek(fd, 0, unix.SEEK_END); err != nil {
		return nil, errors.Join(fmt.Errorf("seek in /dev/kmsg: %w", err), unix.Close(fd))
	}
	return func() string {
		log, _ := readLog(fd) // what could be read
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
		case n == 0: // not the kernel's log: a container may have put another file there
			return log.Bytes(), nil
		default:
			logLine(&log, string(record[:n]))
		}
	}
	return log.Bytes(), nil
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
