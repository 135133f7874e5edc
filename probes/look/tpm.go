//go:build !arm

package look

import (
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"

	"github.com/google/go-tpm/tpmutil"

	"vmspec/probes/tpm"
)

// tpmDevices are the devices of the TPM. The first one shares it with others.
var tpmDevices = []string{"/dev/tpmrm0", "/dev/tpm0"}

// TPM asks the TPM what it is.
func TPM(n *tpm.Note) error {
	var errs []error
	for _, device := range tpmDevices {
		f, err := os.OpenFile(device, os.O_RDWR, 0)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		return errors.Join(describeTPM(f, n), f.Close())
	}
	return errors.Join(errs...)
}

// Numbers of the TPM 2.0 Library, part 2, sections 6.5.2, 6.9, 6.12 and 6.13.
const (
	noSessions       tpmutil.Tag     = 0x8001
	getCapability    tpmutil.Command = 0x17a
	capPCRs                          = 5
	capProperties                    = 6
	familyIndicator                  = 0x100
	manufacturer                     = 0x105
	rcInitialize                     = 0x100
	firstProperties                  = 10 // from the family indicator to the vendor's strings
	maxPCRBanks                      = 16
	maxTPMProperties                 = 128
)

// capability asks for values of a kind, and returns what follows the kind in the
// answer. Of go-tpm it takes the exchange of one command: its package tpm2 knows all
// commands, and would make PID 1 larger by 640 KiB.
func capability(t io.ReadWriter, kind, first, count uint32) (*tpmReader, error) {
	answer, code, err := tpmutil.RunCommand(t, noSessions, getCapability, kind, first, count)
	switch {
	case err != nil:
		return nil, err
	case code == rcInitialize:
		return nil, errors.New("TPM_RC_INITIALIZE")
	case code != tpmutil.RCSuccess:
		return nil, fmt.Errorf("the TPM answers %#x", code)
	}
	r := &tpmReader{rest: answer}
	r.take(1) // whether there is more
	if got := r.number(4); r.short || got != kind {
		return nil, fmt.Errorf("an answer of %d bytes, for capability %d", len(answer), got)
	}
	return r, nil
}

// A tpmReader reads an answer; once short it stays so.
type tpmReader struct {
	rest  []byte
	short bool
}

func (r *tpmReader) take(n int) []byte {
	if r.short = r.short || n > len(r.rest); r.short {
		return make([]byte, n)
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

// number takes one of at most four bytes.
func (r *tpmReader) number(bytes int) (n uint32) {
	for _, b := range r.take(bytes) {
		n = n<<8 | uint32(b)
	}
	return n
}

// many takes the number of things that follow.
func (r *tpmReader) many(most uint32) uint32 {
	n := r.number(4)
	if r.short = r.short || n > most; r.short {
		return 0
	}
	return n
}

func (r *tpmReader) end() error {
	if r.short {
		return errors.New("the answer is cut")
	}
	return nil
}

func describeTPM(t io.ReadWriter, n *tpm.Note) error {
	if err := readProperties(t, n); err != nil {
		return fmt.Errorf("get properties: %w", err)
	}
	if err := readBanks(t, n); err != nil {
		return fmt.Errorf("get PCR banks: %w", err)
	}
	return nil
}

func readProperties(t io.ReadWriter, n *tpm.Note) error {
	r, err := capability(t, capProperties, familyIndicator, firstProperties)
	if err != nil {
		return err
	}
	var family, maker string
	for range r.many(maxTPMProperties) {
		switch property, value := r.number(4), r.number(4); property {
		case familyIndicator:
			family = fourBytes(value)
		case manufacturer:
			maker = fourBytes(value)
		}
	}
	if r.end() == nil {
		n.Family, n.Manufacturer = family, maker
	}
	return r.end()
}

func readBanks(t io.ReadWriter, n *tpm.Note) error {
	r, err := capability(t, capPCRs, 0, 1)
	if err != nil {
		return err
	}
	var banks []tpm.Bank
	for range r.many(maxPCRBanks) {
		hash := r.number(2)
		banks = append(banks, tpm.Bank{Algorithm: algorithm(hash), PCRs: ones(r.take(int(r.number(1))))})
	}
	if r.end() == nil {
		n.Banks = banks
	}
	return r.end()
}

// fourBytes is a property that holds text: up to four characters, NULs behind.
func fourBytes(value uint32) string {
	var text []byte
	for shift := 24; shift >= 0; shift -= 8 {
		if c := byte(value >> shift); c != 0 {
			text = append(text, c)
		}
	}
	return string(text)
}

// algorithms are what the TCG calls a PCR bank's: TCG Algorithm Registry, table 3.
var algorithms = map[uint32]string{0x4: "sha1", 0xb: "sha256", 0xc: "sha384", 0xd: "sha512"}

func algorithm(id uint32) string {
	if name, known := algorithms[id]; known {
		return name
	}
	return fmt.Sprintf("%#04x", id)
}

func ones(mask []byte) (n uint64) {
	for _, b := range mask {
		n += uint64(bits.OnesCount8(b))
	}
	return n
}
