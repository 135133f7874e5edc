package trial

import (
	"bytes"
	"encoding/binary"
	"net"
	"slices"
	"time"

	"vmspec/probes/network"
	"vmspec/probes/note"
)

const (
	networkPoll = 20 * time.Millisecond
	// How long the trial waits for an answer, and when it asks again. The time is
	// counted in looks: each waits for an interrupt, so that the VM was running.
	networkMost  = 1500 * time.Millisecond
	networkAgain = 500 * time.Millisecond
)

// A link is one interface during the trial.
type link struct {
	up      func() error
	carrier func() bool
	ask     func() error // sends a DHCPDISCOVER
	offered func() bool  // whether a DHCPOFFER has come
	close   func()       // restores the interface's state
}

// tryNetwork brings the interfaces up and asks on each for an address by DHCP,
// until all have an answer or time is up. It takes no address: the server soon
// offers it to somebody else.
func tryNetwork(names []string, open func(name string) (link, error), n *network.Note) error {
	n.Interfaces = make([]network.Trial, len(names))
	var waiting []*asked
	for i, name := range names {
		l, err := open(name)
		if err == nil {
			defer l.close()
			err = l.up()
		}
		t := &n.Interfaces[i]
		t.Name, t.Up = name, note.Result(err)
		if err == nil {
			waiting = append(waiting, &asked{link: l, seen: t})
		}
	}
	begin := time.Now()
	for range networkMost / networkPoll {
		if waiting = slices.DeleteFunc(waiting, func(a *asked) bool { return a.step(begin) }); len(waiting) == 0 {
			break
		}
		time.Sleep(networkPoll)
	}
	for _, a := range waiting {
		if a.seen.Carrier == nil {
			a.seen.Carrier = new(bool)
		}
	}
	return nil
}

// asked is an interface whose answer is still missing.
type asked struct {
	link
	seen *network.Trial
	at   time.Time // when it asked last
}

// step does the next thing on an interface, and tells whether it was the last.
func (a *asked) step(begin time.Time) (done bool) {
	if a.seen.Carrier == nil {
		carried := a.carrier()
		if !carried {
			return false
		}
		a.seen.Carrier = &carried
	}
	if a.at.IsZero() || time.Since(a.at) >= networkAgain {
		first := a.at.IsZero()
		a.at = time.Now()
		err := a.ask()
		if first {
			a.seen.Ask = note.Result(err)
		}
		if err != nil {
			return true
		}
	}
	if !a.offered() {
		return false
	}
	waited := uint64(time.Since(begin).Milliseconds())
	a.seen.Offer = &waited
	return true
}

// Where IP, UDP and DHCP have what is written and read: RFC 791, 768 and 2131.
const (
	serverPort = 67
	clientPort = 68
	ipHeader   = 20
	udpHeader  = 8
	udp        = 17

	bootRequest = 1   // a DHCP message's first byte
	bootReply   = 2   // the same, of an answer
	dhcpOptions = 236 // where they begin, behind a magic number
	dhcpLeast   = 300 // bytes of a message (RFC 1542, section 2.1)
	optionPad   = 0
	optionType  = 53 // of the message
	optionEnd   = 255
	discoverIs  = 1 // types
	offerIs     = 2
)

// dhcpMagic comes before the options (RFC 2131, section 3).
const dhcpMagic = "\x63\x82\x53\x63"

// An exchange is the number by which we recognize the answer to our message.
type exchange [4]byte

// discover is a DHCPDISCOVER in IP, from nobody to everybody. It is written here
// because it is so little: the client of insomniacslk/dhcp, which does the whole
// exchange, makes PID 1 larger by 320 KiB.
func discover(address net.HardwareAddr, id exchange) []byte {
	p := make([]byte, ipHeader+udpHeader+dhcpLeast)
	p[0], p[8], p[9] = 0x45, 64, udp // version and length, hops
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	copy(p[16:], net.IPv4bcast.To4())
	binary.BigEndian.PutUint16(p[10:], checksum(p[:ipHeader]))
	binary.BigEndian.PutUint16(p[ipHeader:], clientPort)
	binary.BigEndian.PutUint16(p[ipHeader+2:], serverPort)
	binary.BigEndian.PutUint16(p[ipHeader+4:], uint16(len(p)-ipHeader)) // and no checksum
	m := p[ipHeader+udpHeader:]
	m[0], m[1], m[2] = bootRequest, ether, byte(len(address))
	copy(m[4:], id[:])
	m[10] = 0x80 // answer to everybody: no packet for an address of ours would arrive
	copy(m[28:44], address)
	copy(m[dhcpOptions:], dhcpMagic)
	copy(m[dhcpOptions+len(dhcpMagic):], []byte{optionType, 1, discoverIs, optionEnd})
	return p
}

// checksum is that of an IP header: RFC 1071.
func checksum(header []byte) uint16 {
	var sum uint32
	for ; len(header) > 1; header = header[2:] {
		sum += uint32(binary.BigEndian.Uint16(header))
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// isOffer tells whether an IP packet is the DHCPOFFER that answers.
func isOffer(packet []byte, id exchange) bool {
	if len(packet) < ipHeader || packet[0]>>4 != 4 || packet[9] != udp {
		return false
	}
	header := int(packet[0]&0xf) * 4
	if header < ipHeader || len(packet) < header+udpHeader || binary.BigEndian.Uint16(packet[header+2:]) != clientPort {
		return false
	}
	m := packet[header+udpHeader:]
	if len(m) < dhcpOptions || m[0] != bootReply || !bytes.Equal(m[4:8], id[:]) {
		return false
	}
	options, ok := bytes.CutPrefix(m[dhcpOptions:], []byte(dhcpMagic))
	return ok && messageType(options) == offerIs
}

// messageType finds the type of a message among its options; 0 if they do not
// give one, or do not end as they should.
func messageType(options []byte) (is byte) {
	for len(options) > 0 {
		switch {
		case options[0] == optionEnd:
			return is
		case options[0] == optionPad:
			options = options[1:]
			continue
		case len(options) < 2 || len(options) < 2+int(options[1]):
			return 0
		case options[0] == optionType && options[1] == 1:
			is = options[2]
		}
		options = options[2+int(options[1]):]
	}
	return 0
}

// ether is Ethernet's number: ARPHRD_ETHER, include/uapi/linux/if_arp.h.
const ether = 1

// ethernet lists the names of the interfaces on which DHCP can be tried.
func ethernet(interfaces []network.Interface) []string {
	var out []string
	for _, i := range interfaces {
		if i.Type == ether {
			out = append(out, i.Name)
		}
	}
	return out
}
