"""What the service does: commands on follows, planning mails, handing them over, answering."""
