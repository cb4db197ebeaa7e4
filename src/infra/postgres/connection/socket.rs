//! The options of the sockets to PostgreSQL. sqlx opens them itself and has no setting for them, so they are found among the
//! open files of the process.

use std::{io, time::Duration};

/// The kernel closes a connection whose peer acknowledges nothing for this long (tcp(7), `TCP_USER_TIMEOUT`).
pub(super) const USER_TIMEOUT: Duration = Duration::from_secs(10);

/// The kernel probes a connection that was idle for this long, also while the service waits for an answer.
pub(super) const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);

/// The time between two probes.
pub(super) const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);

/// After so many probes without an acknowledgement the connection is closed.
pub(super) const KEEPALIVE_COUNT: u32 = 3;

/// Lets the kernel find out that the peer of a connection to this port has vanished. Without these options the deadline of a
/// statement finds it, later.
pub(super) async fn notice_vanished_peers(port: u16) {
    let set = tokio::task::spawn_blocking(move || set_options(port)).await;
    match set {
        Ok(Ok(())) => {}
        Ok(Err(error)) => log::debug!("the connections to the database have no keepalive: {error}"),
        Err(error) => log::debug!("the connections to the database have no keepalive: {error}"),
    }
}

/// Sets the options of each TCP connection to this port that has none.
#[cfg(target_os = "linux")]
fn set_options(port: u16) -> io::Result<()> {
    use std::{
        fs,
        os::fd::{OwnedFd, RawFd},
    };

    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
    use socket2::{SockRef, TcpKeepalive};

    let process = pidfd_open(getpid(), PidfdFlags::empty())?;
    for file in fs::read_dir("/proc/self/fd")? {
        let path = file?.path();
        // A file that was closed meanwhile has no target.
        let is_socket = fs::read_link(&path).is_ok_and(|target| target.to_string_lossy().starts_with("socket:"));
        let number = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<RawFd>().ok());
        let (true, Some(number)) = (is_socket, number) else { continue };
        // The number may mean another file by now, so the socket is asked for its peer.
        let socket: OwnedFd = match pidfd_getfd(&process, number, PidfdGetfdFlags::empty()) {
            Ok(socket) => socket,
            Err(rustix::io::Errno::BADF) => continue,
            Err(error) => return Err(error.into()),
        };
        let socket = SockRef::from(&socket);
        let peer = socket.peer_addr().ok().and_then(|peer| peer.as_socket());
        if peer.is_some_and(|peer| peer.port() == port) && socket.tcp_user_timeout()?.is_none() {
            socket.set_tcp_keepalive(
                &TcpKeepalive::new()
                    .with_time(KEEPALIVE_IDLE)
                    .with_interval(KEEPALIVE_INTERVAL)
                    .with_retries(KEEPALIVE_COUNT),
            )?;
            socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn set_options(_port: u16) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use socket2::SockRef;

    use super::*;

    #[test]
    fn connections_to_the_port_get_the_options_and_others_do_not() {
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [database, other] =
            [&listeners[0], &listeners[1]].map(|to| TcpStream::connect(to.local_addr().unwrap()).unwrap());
        set_options(listeners[0].local_addr().unwrap().port()).unwrap();
        let options = |stream: &TcpStream| {
            let socket = SockRef::from(stream);
            (socket.keepalive().unwrap(), socket.tcp_user_timeout().unwrap())
        };
        assert_eq!(options(&database), (true, Some(USER_TIMEOUT)));
        let socket = SockRef::from(&database);
        assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE_IDLE);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), KEEPALIVE_INTERVAL);
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), KEEPALIVE_COUNT);
        assert_eq!(options(&other), (false, None));
    }
}
