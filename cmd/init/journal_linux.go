package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A journal outlives the workers. It is a file without a name, which the
// supervisor opens and hands to every worker.
//
// Its first page holds the current step of the worker. Supervisor and worker map
// that page, so that a new step costs no system call. Records of finished work
// follow:
//
//	KIND LENGTH NAME
//	LENGTH bytes
//
// A record that a worker did not finish is overwritten by the next worker.
type journal struct {
	file *os.File
	page []byte
	step *step

	mu  sync.Mutex // guards end
	end int64      // of the last whole record
}

// step is the beginning of the first page. The name of the step follows it.
type step struct {
	count  atomic.Uint32 // of steps so far
	beside atomic.Uint32 // 1 while the clock's trial runs beside the steps
	length atomic.Uint32 // of the name
}

const (
	journalPage = 4096
	stepName    = unsafe.Sizeof(step{})
)

// A record is a finished part of the work.
type record struct {
	kind, name string
	data       []byte
}

// The kinds of records.
const (
	kindNote     = "note"     // a note of the guest
	kindLost     = "lost"     // a step that a worker did not survive: why
	kindAlone    = "alone"    // the clock's trial must run alone
	kindWire     = "wire"     // the lines that go to the consoles
	kindStatus   = "status"   // of the program, a digit
	kindAfter    = "after"    // how the machine is to end
	kindReported = "reported" // the lines are on the consoles
	kindForetold = "foretold" // a stage of the provisional report is on the consoles
)

// newJournal makes an empty journal.
func newJournal() (*journal, error) {
	file, err := unnamed()
	if err != nil {
		return nil, fmt.Errorf("make the journal: %w", err)
	}
	if err := file.Truncate(journalPage); err != nil {
		return nil, fmt.Errorf("make the journal: %w", err)
	}
	return openJournal(file)
}

// unnamed opens a file without a name; in memory if the kernel can do that.
func unnamed() (*os.File, error) {
	if fd, err := unix.MemfdCreate("vmspec", unix.MFD_CLOEXEC); err == nil {
		return os.NewFile(uintptr(fd), "journal"), nil
	}
	file, err := os.CreateTemp("", "vmspec-")
	if err != nil {
		return nil, err
	}
	return file, os.Remove(file.Name())
}

// openJournal opens a journal that exists.
func openJournal(file *os.File) (*journal, error) {
	page, err := unix.Mmap(int(file.Fd()), 0, journalPage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the journal: %w", err)
	}
	return &journal{file: file, page: page, step: (*step)(unsafe.Pointer(&page[0])), end: journalPage}, nil
}

// begin sets the current step.
func (j *journal) begin(name string) {
	n := copy(j.page[stepName:], name)
	j.step.length.Store(uint32(n))
	j.step.count.Add(1)
}

// doing returns the current step, and its ordinal.
func (j *journal) doing() (name string, count uint32) {
	n := min(uintptr(j.step.length.Load()), journalPage-stepName)
	return string(j.page[stepName : stepName+n]), j.step.count.Load()
}

// add adds a record.
func (j *journal) add(kind, name string, data []byte) error {
	text := append(fmt.Appendf(nil, "%s %d %s\n", kind, len(data), name), data...)
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.file.WriteAt(text, j.end); err != nil {
		return fmt.Errorf("write to the journal: %w", err)
	}
	j.end += int64(len(text))
	return nil
}

// records returns all whole records. The next record will follow them.
func (j *journal) records() ([]record, error) {
	info, err := j.file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	text, err := io.ReadAll(io.NewSectionReader(j.file, journalPage, info.Size()-journalPage))
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	records, whole := parseRecords(text)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.end = journalPage + int64(whole)
	return records, j.file.Truncate(j.end)
}

// parseRecords returns the whole records, and their length in bytes.
func parseRecords(text []byte) (records []record, whole int) {
	for {
		head, rest, ok := bytes.Cut(text[whole:], []byte("\n"))
		fields := strings.SplitN(string(head), " ", 3)
		if !ok || len(fields) < 3 {
			return records, whole
		}
		n, err := strconv.Atoi(fields[1])
		if err != nil || n < 0 || n > len(rest) {
			return records, whole
		}
		records = append(records, record{fields[0], fields[2], rest[:n]})
		whole += len(head) + 1 + n
	}
}

// last returns the data of the last record of a kind.
func last(records []record, kind string) (data []byte, err error) {
	err = errors.New("no " + kind + " in the journal")
	for _, r := range records {
		if r.kind == kind {
			data, err = r.data, nil
		}
	}
	return data, err
}
