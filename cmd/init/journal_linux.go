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

// A journal is what outlives a worker: a file without a name that the
// supervisor opens and every worker is given.
//
// Its first page says what the worker is doing. Both map it, so that saying so
// costs no system call. Records follow, of what is done:
//
//	KIND LENGTH NAME
//	LENGTH bytes
//
// One that a worker could not finish is written over by the next worker.
type journal struct {
	file *os.File
	page []byte
	step *step

	mu  sync.Mutex // of what follows
	end int64      // behind the last whole record
}

// step is how the first page begins: the name of the step follows.
type step struct {
	count  atomic.Uint32 // of steps so far
	beside atomic.Uint32 // 1 while the clock's trial runs beside the steps
	length atomic.Uint32 // of the name
}

const (
	journalPage = 4096
	stepName    = unsafe.Sizeof(step{})
)

// A record is a part of the work that is done.
type record struct {
	kind, name string
	data       []byte
}

// The kinds of records.
const (
	kindNote   = "note"   // a note of the guest, by its name
	kindLost   = "lost"   // a step that a worker did not survive: why
	kindAlone  = "alone"  // the clock's trial must run alone
	kindWire   = "wire"   // the lines that go to the consoles
	kindStatus = "status" // of the program, a digit
	kindAfter  = "after"  // how the machine is to end
	kindTold   = "told"   // the lines are on the consoles
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

// unnamed opens a file that nobody else sees, in memory where the kernel has
// such files.
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

// openJournal opens a journal that another process made.
func openJournal(file *os.File) (*journal, error) {
	page, err := unix.Mmap(int(file.Fd()), 0, journalPage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the journal: %w", err)
	}
	return &journal{file: file, page: page, step: (*step)(unsafe.Pointer(&page[0])), end: journalPage}, nil
}

// begin says what is done next.
func (j *journal) begin(name string) {
	n := copy(j.page[stepName:], name)
	j.step.length.Store(uint32(n))
	j.step.count.Add(1)
}

// doing returns what was begun last, and the how manieth that was.
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

// records returns all whole records and goes on behind them.
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

// parseRecords returns the records that are whole, and how long they are.
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

// last returns the last record of a kind.
func last(records []record, kind string) (data []byte, err error) {
	err = errors.New("no " + kind + " in the journal")
	for _, r := range records {
		if r.kind == kind {
			data, err = r.data, nil
		}
	}
	return data, err
}
