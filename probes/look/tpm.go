//go:build !arm

package look

import (
	"errors"
	"fmt"
	"math/bits"

	"vmspec/probes/tpm"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxtpm"
)

// tpmDevices are the devices of the TPM. The first one shares it with others.
var tpmDevices = []string{"/dev/tpmrm0", "/dev/tpm0"}

// TPM asks the TPM what it is.
func TPM(n *tpm.Note) error {
	var errs []error
	for _, device := range tpmDevices {
		t, err := linuxtpm.Open(device)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		return errors.Join(describeTPM(t, n), t.Close())
	}
	return errors.Join(errs...)
}

// properties is how many fixed properties are asked for, from the family
// indicator to the vendor's strings: TPM 2.0 Library, part 2, section 6.13.
const properties = 10

func describeTPM(t transport.TPM, n *tpm.Note) error {
	answer, err := tpm2.GetCapability{
		Capability: tpm2.TPMCapTPMProperties, Property: uint32(tpm2.TPMPTFamilyIndicator), PropertyCount: properties,
	}.Execute(t)
	if err != nil {
		return fmt.Errorf("get properties: %w", err)
	}
	fixed, err := answer.CapabilityData.Data.TPMProperties()
	if err != nil {
		return fmt.Errorf("get properties: %w", err)
	}
	for _, p := range fixed.TPMProperty {
		switch p.Property {
		case tpm2.TPMPTFamilyIndicator:
			n.Family = fourBytes(p.Value)
		case tpm2.TPMPTManufacturer:
			n.Manufacturer = fourBytes(p.Value)
		}
	}
	answer, err = tpm2.GetCapability{Capability: tpm2.TPMCapPCRs, PropertyCount: 1}.Execute(t)
	if err != nil {
		return fmt.Errorf("get PCR banks: %w", err)
	}
	banks, err := answer.CapabilityData.Data.AssignedPCR()
	if err != nil {
		return fmt.Errorf("get PCR banks: %w", err)
	}
	for _, b := range banks.PCRSelections {
		n.Banks = append(n.Banks, tpm.Bank{Algorithm: algorithm(b.Hash), PCRs: ones(b.PCRSelect)})
	}
	return nil
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

// algorithm names a PCR bank as the TCG does.
func algorithm(id tpm2.TPMAlgID) string {
	switch id {
	case tpm2.TPMAlgSHA1:
		return "sha1"
	case tpm2.TPMAlgSHA256:
		return "sha256"
	case tpm2.TPMAlgSHA384:
		return "sha384"
	case tpm2.TPMAlgSHA512:
		return "sha512"
	}
	return fmt.Sprintf("%#04x", uint16(id))
}

func ones(mask []byte) (n uint64) {
	for _, b := range mask {
		n += uint64(bits.OnesCount8(b))
	}
	return n
}
